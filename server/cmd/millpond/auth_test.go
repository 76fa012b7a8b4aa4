package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func secretFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// With a secret the server listens anywhere, and lets in those who show a token of it, to what that grants.
func TestServeAuth(t *testing.T) {
	t.Setenv("MILLPOND_TOKEN", "")
	secret := secretFile(t, "secret", "first-secret-first-secret-first-secret\n")
	p, url := serve(t, t.TempDir(), "0.0.0.0:0", "--auth-secret-file", secret)
	url = strings.Replace(url, "0.0.0.0", "127.0.0.1", 1)
	url = strings.Replace(url, "[::]", "127.0.0.1", 1)
	if log := p.err.String(); strings.Contains(log, "WARN") {
		t.Errorf("a warning: %s", log)
	}
	mint := func(subject string, grants ...string) string {
		args := []string{"token", "--secret-file", secret, "--subject", subject}
		for _, g := range grants {
			args = append(args, "--grant", g)
		}
		return must(t, "", args...).out
	}
	alice := secretFile(t, "alice", mint("alice", "default:/chat=read,subscribe,append", "*:/news=read"))
	event := []string{"append", "--url", url, "--event", `{"type":"a"}`, "--path"}
	for _, test := range []struct {
		token string // in the environment
		args  []string
		says  string // on stderr; empty: it succeeds
	}{
		{"", append(event, "/chat"), "--token-file"},
		{"nonsense", append(event, "/chat"), "unauthenticated"},
		{"", append(event, "/chat", "--token-file", alice), ""},
		{"", append(event, "/chat/42", "--token-file", alice), ""},
		{mint("bob", "default:/=append"), append(event, "/chat"), ""},
		{"", append(event, "/chatter", "--token-file", alice), "forbidden"},
		{"", append(event, "/news", "--token-file", alice), "forbidden"},
		{"", []string{"tail", "--url", url, "--path", "/chat", "--no-follow"}, "--token-file"},
		{"", []string{"tail", "--url", url, "--path", "/chat", "--no-follow", "--token-file", alice}, ""},
		{mint("bob", "default:/=append"), []string{"tail", "--url", url, "--path", "/chat", "--no-follow"}, "forbidden"},
		{"", append(event, "/chat", "--token-file", filepath.Join(t.TempDir(), "none")), "--token-file"},
	} {
		t.Setenv("MILLPOND_TOKEN", test.token)
		r := invoke(t, "", test.args...)
		if (r.code == exitOK) != (test.says == "") || !strings.Contains(r.err, test.says) {
			t.Errorf("%v: exit %d: %s", test.args, r.code, r.err)
		}
	}
	if log := p.err.String(); strings.Contains(log, "eyJ") {
		t.Errorf("a token is in the log: %s", log)
	}
}

// A token that is revoked ends what is open at once; a tail goes on with the new token in its file, or says why it ends.
func TestRevokedTokenEndsTail(t *testing.T) {
	secret := secretFile(t, "secret", strings.Repeat("s", 32))
	revoked := secretFile(t, "revoked", "# nobody\n")
	p, url := serve(t, t.TempDir(), "127.0.0.1:0", "--auth-secret-file", secret, "--auth-revoked-file", revoked)
	mint := func(subject string) string {
		return must(t, "", "token", "--secret-file", secret, "--subject", subject, "--grant", "*:/=*").out
	}
	file := secretFile(t, "token", mint("alice"))
	var out, err output
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"tail", "--url", url, "--path", "/x", "--from-start", "--token-file", file}, &stdio{nil, &out, &err})
	}()
	eventually(t, &out, "stream/created")
	replace := func(path, text string) {
		t.Helper()
		if e := os.WriteFile(path+".new", []byte(text), 0o600); e != nil {
			t.Fatal(e)
		}
		if e := os.Rename(path+".new", path); e != nil {
			t.Fatal(e)
		}
	}
	replace(file, mint("bob"))
	replace(revoked, "sub alice\n")
	eventually(t, &p.err, `"identity":"bob"`)
	for i, subject := range []string{"alice", "bob"} {
		t.Setenv("MILLPOND_TOKEN", mint(subject))
		r := invoke(t, "", "append", "--url", url, "--path", "/x", "--type", "n", "--event", fmt.Sprint(i))
		if revoked := subject == "alice"; revoked != strings.Contains(r.err, "revoked") || revoked == (r.code == 0) {
			t.Errorf("%s: exit %d: %s", subject, r.code, r.err)
		}
	}
	eventually(t, &out, `"n","payload":1`)
	replace(revoked, "sub alice\nsub bob\n")
	if code := <-done; code != exitFailed || !strings.Contains(err.String(), "unauthenticated") {
		t.Errorf("exit %d: %s", code, err.String())
	}
	if text := err.String(); !strings.Contains(text, "connecting again") {
		t.Errorf("the tail said %s", text)
	}
}

func TestTokenCommand(t *testing.T) {
	secret := secretFile(t, "secret", strings.Repeat("s", 32))
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--grant", "default=read"}, "default:/chat=read"},
		{[]string{"--grant", "default:/chat"}, "default:/chat=read"},
		{[]string{"--grant", "default:chat=read"}, "path"},
		{[]string{"--grant", "default:/chat=reed"}, "reed"},
		{[]string{"--secret-file", secretFile(t, "short", "s"), "--grant", "*:/=*"}, "too short"},
		{[]string{"--secret-file", "nowhere", "--grant", "*:/=*"}, "head -c 32 /dev/urandom"},
		{[]string{"--grant", "*:/=*", "--for", "0"}, "--for"},
		{nil, "--grant"},
	} {
		args := append([]string{"token", "--subject", "alice", "--secret-file", secret}, test.args...)
		if r := invoke(t, "", args...); r.code == 0 || !strings.Contains(r.err, test.says) {
			t.Errorf("%v: exit %d: %s", test.args, r.code, r.err)
		}
	}
}
