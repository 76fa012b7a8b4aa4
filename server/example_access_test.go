package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// A program that knows its users lets them in by its own sessions. Here each may do what they like below /users/NAME, and
// read the news.
func Example_access() {
	sessions := map[string]string{"s3ss10n": "alice"} // the program's own; in a database, say

	authenticate := func(_ context.Context, c access.Credentials) (access.Identity, error) {
		user, ok := sessions[c.Token]
		if !ok {
			return access.Identity{}, millpond.Unauthenticated
		}
		return access.Identity{Subject: user}, nil
	}
	authorize := func(_ context.Context, who access.Identity, do access.Action, name millpond.Name) error {
		home := "/users/" + who.Subject
		switch {
		case name.Path == home, strings.HasPrefix(name.Path, home+"/"):
			return nil
		case name.Path == "/news" && (do == access.Read || do == access.Subscribe):
			return nil
		}
		return millpond.Forbidden
	}

	srv, err := server.New(server.Options{
		Store:        memory.New(memory.Options{}), // or Data, a folder
		Authenticate: authenticate,
		Authorize:    authorize,
		Logger:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close(context.Background())
	web := httptest.NewServer(srv.Handler())
	defer web.Close()

	post := func(path, token string) {
		req, _ := http.NewRequest(http.MethodPost, web.URL+"/api/streams/default"+path, strings.NewReader(`{"type":"note"}`))
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
		fmt.Println(path, res.Status)
	}
	post("/users/alice/notes", "s3ss10n")
	post("/users/bob/notes", "s3ss10n")
	post("/news", "s3ss10n")
	post("/users/alice/notes", "guess")

	// When alice logs out, what she has open ends.
	delete(sessions, "s3ss10n")
	srv.Revoke(func(who access.Identity) bool { return who.Subject == "alice" })

	// Output:
	// /users/alice/notes 200 OK
	// /users/bob/notes 403 Forbidden
	// /news 403 Forbidden
	// /users/alice/notes 401 Unauthorized
}
