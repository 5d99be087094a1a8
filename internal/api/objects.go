package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// rawJSON is an answer whose bytes are served as they are stored.
type rawJSON struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

// listInput is the query of a list.
type listInput struct {
	Owner  string   `query:"owner" doc:"Only objects of this team."`
	Label  []string `query:"label,explode" doc:"Only objects with this label, as key=value; may be repeated."`
	Field  []string `query:"field,explode" doc:"Only objects with this field, as path=value; may be repeated."`
	Search string   `query:"search" maxLength:"200" doc:"Words to find in name, title, description and owner."`
	Newest bool     `query:"newest" doc:"Newest first instead of by name."`
	After  string   `query:"after" maxLength:"2000" doc:"The next of the page before."`
	Limit  int      `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many items."`
}

// NameInput is the name in the address. It is exported because huma fills the
// fields of embedded structs only then.
type NameInput struct {
	Name string `path:"name" maxLength:"63" doc:"The object's name."`
}

func (a *api) objectRoutes() {
	for _, kind := range a.Pipe.Kinds().All() {
		a.kindRoutes(kind)
	}
	register(a, huma.Operation{
		OperationID: "apply", Method: http.MethodPost, Path: "/api/v1/apply", Summary: "Create or update objects, all or none",
		Description: "The body holds any number of objects in YAML or JSON. Either all of them are admitted, in one transaction, or nothing changes.",
		Tags:        []string{"objects"}, MaxBodyBytes: maxBody, BodyReadTimeout: 2 * time.Minute,
	}, a.apply)
}

func (a *api) kindRoutes(kind object.Kind) {
	lower := strings.ToLower(kind.Name)
	path := "/api/v1/" + kind.Plural
	tags := []string{kind.Plural}
	one := map[string]*huma.Response{"200": jsonResponse(kind.About, "#/components/schemas/"+kind.Name)}
	register(a, huma.Operation{
		OperationID: "list-" + kind.Plural, Method: http.MethodGet, Path: path, Summary: "List " + kind.Plural, Tags: tags,
		Responses: map[string]*huma.Response{"200": jsonResponse("A page of "+kind.Plural+".", "#/components/schemas/"+kind.Name+"List")},
	}, func(ctx context.Context, in *listInput) (*rawJSON, error) { return a.list(ctx, kind, in) })
	register(a, huma.Operation{
		OperationID: "get-" + lower, Method: http.MethodGet, Path: path + "/{name}", Summary: "Get a " + lower, Tags: tags, Responses: one,
	}, func(ctx context.Context, in *NameInput) (*rawJSON, error) { return a.get(ctx, kind, in.Name) })
	register(a, huma.Operation{
		OperationID: "history-of-" + lower, Method: http.MethodGet, Path: path + "/{name}/history", Summary: "Every version of a " + lower + ", newest first", Tags: tags,
	}, func(ctx context.Context, in *historyInput) (*historyOutput, error) { return a.history(ctx, kind, in) })
	register(a, huma.Operation{
		OperationID: "delete-" + lower, Method: http.MethodDelete, Path: path + "/{name}", Summary: "Delete a " + lower, Tags: tags,
	}, func(ctx context.Context, in *deleteInput) (*applyOutput, error) { return a.delete(ctx, kind, in) })
	if kind.Name == "Release" {
		return // a release is made by its own operation and never changes
	}
	register(a, huma.Operation{
		OperationID: "put-" + lower, Method: http.MethodPut, Path: path + "/{name}", Summary: "Create or replace a " + lower, Tags: tags, Responses: one,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/" + kind.Name}}}},
	}, func(ctx context.Context, in *putInput) (*rawJSON, error) { return a.put(ctx, kind, in) })
}

func (a *api) get(ctx context.Context, kind object.Kind, name string) (*rawJSON, error) {
	if err := a.reads(ctx, auth.Read, kind, ""); err != nil {
		return nil, err
	}
	doc, err := a.Store.Get(ctx, kind.Name, name)
	if err != nil {
		return nil, err
	}
	return &rawJSON{ContentType: "application/json", ETag: `"` + strconv.FormatInt(doc.Version, 10) + `"`, Body: doc.Bytes}, nil
}

func (a *api) list(ctx context.Context, kind object.Kind, in *listInput) (*rawJSON, error) {
	if err := a.reads(ctx, auth.Read, kind, ""); err != nil {
		return nil, err
	}
	q := object.Query{Kind: kind.Name, Owner: in.Owner, Search: in.Search, Newest: in.Newest, After: in.After, Limit: in.Limit}
	var err error
	if q.Labels, err = pairs("label", in.Label); err != nil {
		return nil, err
	}
	if q.Fields, err = pairs("field", in.Field); err != nil {
		return nil, err
	}
	page, err := a.Store.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return &rawJSON{ContentType: "application/json", Body: pageJSON(page)}, nil
}

// pageJSON joins the stored bytes; decoding and encoding them would cost more
// than finding them.
func pageJSON(page object.Page) []byte {
	size := len(page.Next) + 32
	for _, doc := range page.Items {
		size += len(doc.Bytes) + 1
	}
	body := bytes.NewBuffer(make([]byte, 0, size))
	body.WriteString(`{"items":[`)
	for i, doc := range page.Items {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(doc.Bytes)
	}
	body.WriteString(`],"next":` + strconv.Quote(page.Next) + "}\n")
	return body.Bytes()
}

func pairs(what string, given []string) (map[string]string, error) {
	if len(given) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(given))
	for _, pair := range given {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return nil, problem.New(problem.Invalid, "%s %q is not key=value", what, pair)
		}
		m[k] = v
	}
	return m, nil
}

type historyInput struct {
	NameInput
	Before string `query:"before" maxLength:"2000" doc:"The next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type revision struct {
	Version int64           `json:"version"`
	Actor   string          `json:"actor" doc:"Who wrote it."`
	At      time.Time       `json:"at"`
	Deleted bool            `json:"deleted,omitempty"`
	Changes []object.Change `json:"changes" doc:"What differs from the version before."`
	Object  object.Object   `json:"object"`
}

type historyOutput struct {
	Body struct {
		Items []revision `json:"items"`
		Next  string     `json:"next" doc:"The before of the next page; empty on the last."`
	}
}

func (a *api) history(ctx context.Context, kind object.Kind, in *historyInput) (*historyOutput, error) {
	if err := a.reads(ctx, auth.Read, kind, ""); err != nil {
		return nil, err
	}
	before, err := parsePage("before", in.Before)
	if err != nil {
		return nil, err
	}
	// One more than asked gives the version that the oldest is compared with.
	found, err := a.Store.History(ctx, kind.Name, in.Name, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && before <= 0 {
		// Nothing ever had the name; what was deleted has its history.
		if _, err := a.Store.Get(ctx, kind.Name, in.Name); err != nil {
			return nil, err
		}
	}
	names, err := a.names(ctx, found)
	if err != nil {
		return nil, err
	}
	out := &historyOutput{}
	out.Body.Items = []revision{}
	for i, rev := range found {
		if i == in.Limit {
			out.Body.Next = pageText(found[i-1].Version)
			break
		}
		item := revision{Version: rev.Version, Actor: names(rev.Actor), At: rev.At, Deleted: rev.Deleted}
		if item.Object, err = (object.Document{Kind: kind.Name, Name: in.Name, Bytes: rev.Bytes}).Object(); err != nil {
			return nil, err
		}
		var old []byte
		if i+1 < len(found) {
			old = found[i+1].Bytes
		}
		item.Changes = object.Diff(old, rev.Bytes)
		out.Body.Items = append(out.Body.Items, item)
	}
	return out, nil
}

type putInput struct {
	NameInput
	DryRun  bool   `query:"dryRun"`
	Reason  string `query:"reason" maxLength:"500" doc:"Why, kept in the history of events."`
	RawBody []byte
}

func (a *api) put(ctx context.Context, kind object.Kind, in *putInput) (*rawJSON, error) {
	parsed, err := object.Decode(bytes.NewReader(in.RawBody), "body")
	if err != nil {
		return nil, err
	}
	if len(parsed) != 1 {
		return nil, problem.New(problem.Invalid, "the body holds %d objects, want one", len(parsed))
	}
	if got := parsed[0].Object; got.Kind != kind.Name || got.Metadata.Name != in.Name {
		return nil, problem.New(problem.Invalid, "the body is %s, the address is of %s", got.Ref(), object.Ref{Kind: kind.Name, Name: in.Name})
	}
	result, err := a.admit(ctx, parsed, in.DryRun, in.Reason)
	if err != nil {
		return nil, err
	}
	doc := result.Items[0].Document
	return &rawJSON{ContentType: "application/json", ETag: fmt.Sprintf(`"%d"`, doc.Version), Body: doc.Bytes}, nil
}

type deleteInput struct {
	NameInput
	DryRun bool   `query:"dryRun"`
	Reason string `query:"reason" maxLength:"500"`
}

func (a *api) delete(ctx context.Context, kind object.Kind, in *deleteInput) (*applyOutput, error) {
	who := by(ctx, in.Reason)
	result, err := a.Pipe.Apply(ctx, &admission.Change{
		By: who.Principal, Surface: who.Surface, Capability: who.Capability, Reason: who.Reason, DryRun: in.DryRun,
		Drafts: []*admission.Draft{{Want: object.Object{Kind: kind.Name, Metadata: object.Metadata{Name: in.Name}}, Delete: true}},
	})
	return &applyOutput{Body: result}, err
}

type applyInput struct {
	DryRun  bool   `query:"dryRun" doc:"Go through every step and change nothing."`
	Source  string `query:"source" maxLength:"1000" doc:"The file's name, for problems."`
	Reason  string `query:"reason" maxLength:"500" doc:"Why, kept in the history of events."`
	RawBody []byte `contentType:"application/yaml"`
}

type applyOutput struct{ Body admission.Result }

func (a *api) apply(ctx context.Context, in *applyInput) (*applyOutput, error) {
	parsed, err := a.Pipe.Kinds().Decode(bytes.NewReader(in.RawBody), in.Source)
	if err != nil {
		return nil, err
	}
	if len(parsed) == 0 {
		return nil, problem.New(problem.Invalid, "there is no object in it").Do("stoa get services -o yaml    shows what one looks like")
	}
	result, err := a.admit(ctx, parsed, in.DryRun, in.Reason)
	return &applyOutput{Body: result}, err
}

func (a *api) admit(ctx context.Context, parsed []object.Parsed, dryRun bool, reason string) (admission.Result, error) {
	who := by(ctx, reason)
	c := &admission.Change{By: who.Principal, Surface: who.Surface, Capability: who.Capability, Reason: who.Reason, DryRun: dryRun}
	for i := range parsed {
		p := &parsed[i]
		c.Add(&admission.Draft{Want: p.Object, Label: p.Source, Lines: p.Line})
	}
	return a.Pipe.Apply(ctx, c)
}
