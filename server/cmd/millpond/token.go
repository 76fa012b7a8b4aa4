package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/access/token"
)

type tokenCommand struct {
	SecretFile string        `required:"" env:"MILLPOND_AUTH_SECRET_FILE" type:"path" placeholder:"FILE" help:"The server's --auth-secret-file. Its first secret signs."`
	Subject    string        `required:"" placeholder:"NAME" help:"Who is to show the token."`
	For        time.Duration `default:"1h" placeholder:"DURATION" help:"How long the token is good (default: ${default})."`
	Grant      []string      `required:"" sep:"none" placeholder:"NAMESPACE:/PATH=ACTION,…" help:"Actions on the streams at and below a path; * is every namespace, or all actions. May be repeated."`
}

func (tokenCommand) Help() string {
	return `Prints a JSON Web Token that millpond serve --auth-secret-file lets in. The actions are read, subscribe, append, configure (pause,
resume, and what else changes how a stream works) and control (reset, kill).

Examples:

  (umask 077; head -c 32 /dev/urandom | base64 > secret)
  millpond serve --auth-secret-file secret
  millpond token --secret-file secret --subject alice --grant default:/chat=read,subscribe,append --for 24h > alice.token
  millpond tail --token-file alice.token --path /chat/42`
}

func (cmd *tokenCommand) Run(_ context.Context, std *stdio) error {
	if cmd.For <= 0 {
		return &usageError{"--for " + cmd.For.String() + ": must be more than 0, such as 24h"}
	}
	text, err := os.ReadFile(cmd.SecretFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--secret-file: %w: it is the server's --auth-secret-file. Make one with: %s", err, makeSecret(cmd.SecretFile))
	} else if err != nil {
		return fmt.Errorf("--secret-file: %w", err)
	}
	secret, _, _ := strings.Cut(strings.TrimLeft(string(text), "\r\n"), "\n")
	var grants []token.Grant
	for _, text := range cmd.Grant {
		g, err := parseGrant(text)
		if err != nil {
			return &usageError{fmt.Sprintf("--grant %s: %v", text, err)}
		}
		grants = append(grants, g)
	}
	signed, err := token.Sign([]byte(strings.TrimRight(secret, "\r")), cmd.Subject, cmd.For, grants...)
	if err != nil {
		return fmt.Errorf("--secret-file %s: %w", cmd.SecretFile, err)
	}
	_, err = fmt.Fprintln(std.out, signed)
	return err
}

// parseGrant reads NAMESPACE:/PATH=ACTION,…
func parseGrant(text string) (token.Grant, error) {
	name, actions, ok := strings.Cut(text, "=")
	namespace, path, ok2 := strings.Cut(name, ":")
	if !ok || !ok2 {
		return token.Grant{}, errors.New("must be like default:/chat=read,subscribe")
	}
	g := token.Grant{Namespace: namespace, Paths: []string{path}}
	for action := range strings.SplitSeq(actions, ",") {
		g.Actions = append(g.Actions, access.Action(action))
	}
	return g, g.Validate()
}
