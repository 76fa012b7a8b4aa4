package server

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	openapivalidator "github.com/pb33f/libopenapi-validator"
)

// description is openapi.yaml, read by a program that knows what such a file must be.
var description = sync.OnceValue(func() openapivalidator.Validator {
	document, err := libopenapi.NewDocument(openapi)
	if err != nil {
		panic(err)
	}
	v, errs := openapivalidator.NewValidator(document)
	if len(errs) > 0 {
		panic(errs[0])
	}
	return v
})

// describedOperations are the operations of openapi.yaml, such as "GET /healthz", with the status codes of each.
var describedOperations = sync.OnceValue(func() map[string][]string {
	document, err := libopenapi.NewDocument(openapi)
	if err != nil {
		panic(err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		panic(err)
	}
	all := map[string][]string{}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			name := strings.ToUpper(method) + " " + path
			all[name] = []string{}
			for status := range op.Responses.Codes.FromOldest() {
				all[name] = append(all[name], status)
			}
		}
	}
	return all
})

// The file is valid, and describes each route and method that there is, and no other.
func TestOpenAPI(t *testing.T) {
	if valid, errs := description().ValidateDocument(); !valid {
		for _, err := range errs {
			t.Errorf("%s: %s", err.Message, err.Reason)
		}
	}
	ts := start(t, Options{PublicMetrics: true})
	var served []string
	for _, route := range ts.server.routes() {
		for method := range route.methods {
			for _, path := range route.paths {
				served = append(served, method+" "+path)
			}
		}
	}
	var described []string
	for operation := range describedOperations() {
		described = append(described, operation)
	}
	slices.Sort(served)
	slices.Sort(described)
	if !slices.Equal(served, described) {
		t.Errorf("routes:\n%s\nopenapi.yaml:\n%s", strings.Join(served, "\n"), strings.Join(described, "\n"))
	}
	res := ts.do(t, "GET", "/api/openapi.yaml", "")
	if res.StatusCode != 200 || res.body != string(openapi) || res.Header.Get("Content-Type") != "application/yaml" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	if res := ts.do(t, "GET", "/api/openapi.yaml", "", "If-None-Match: "+res.Header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("%s", res.Status)
	}
}

// checkDescribed fails the test when openapi.yaml does not describe the answer. Every answer that testServer.do gets is
// checked.
func checkDescribed(t testing.TB, req *http.Request, res response) {
	t.Helper()
	path := describedPath(req.URL.Path)
	method := req.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	statuses, ok := describedOperations()[method+" "+path]
	if !ok { // nothing is there, or not with this method, or it is the UI's
		return
	}
	if !slices.Contains(statuses, res.Status[:3]) {
		t.Errorf("%s %s: openapi.yaml does not say that it may answer %s", req.Method, path, res.Status)
		return
	}
	if req.Method == http.MethodHead || res.Header.Get("Content-Encoding") != "" || res.StatusCode == 304 || res.StatusCode == 101 {
		return
	}
	// The slashes of a stream's path are none for the description.
	described := strings.NewReplacer("{namespace}", "default", "{path}", "x").Replace(path)
	asked := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: "localhost", Path: described}, Header: http.Header{}}
	got := &http.Response{StatusCode: res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader([]byte(res.body)))}
	if valid, errs := description().ValidateHttpResponse(asked, got); !valid {
		for _, err := range errs {
			t.Errorf("%s %s: %s: openapi.yaml says otherwise: %s: %s %v", req.Method, req.URL, res.Status, err.Message, err.Reason, err.SchemaValidationErrors)
		}
		t.Logf("%.300s", res.body)
	}
}

// describedPath is the path of openapi.yaml that a URL's path is one of.
func describedPath(path string) string {
	for _, prefix := range []string{"/api/streams/", "/api/state/", "/api/reduce/", "/api/control/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			if _, streamPath, _ := strings.Cut(rest, "/"); streamPath == "" {
				return prefix + "{namespace}"
			}
			return prefix + "{namespace}/{path}"
		}
	}
	return path
}
