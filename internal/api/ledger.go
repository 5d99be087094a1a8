package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
)

// Ledger proves what the ledger holds.
type Ledger interface {
	PublicKey() string
	Seal(ctx context.Context) (event.Checkpoint, error)
	ProveConsistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error)
	Export(ctx context.Context, w io.Writer) error
}

// Admin is what only the platform's admins do.
type Admin interface {
	Backup(ctx context.Context, w io.Writer) error
	ErasePerson(ctx context.Context, by auth.Principal, name string) error
	ErasePayload(ctx context.Context, by auth.Principal, seq int64) error
}

func (a *api) ledgerRoutes() {
	tags := []string{"ledger"}
	register(a, huma.Operation{
		OperationID: "checkpoint", Method: http.MethodGet, Path: "/api/v1/ledger/checkpoint", Summary: "The signed head of the ledger", Tags: tags,
		Description: "Every client keeps the last one it saw and asks for a proof that the next one extends it.",
	}, a.checkpoint)
	register(a, huma.Operation{
		OperationID: "consistency", Method: http.MethodGet, Path: "/api/v1/ledger/consistency", Summary: "Proof that the ledger of one size begins with that of an older one", Tags: tags,
	}, a.consistency)
	register(a, huma.Operation{
		OperationID: "export-ledger", Method: http.MethodGet, Path: "/api/v1/ledger/export", Summary: "The whole ledger, to be verified offline", Tags: tags,
		Responses: map[string]*huma.Response{"200": {Description: "The export; see stoa audit verify.", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}},
	}, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		if err := a.mayAudit(ctx, ""); err != nil {
			return nil, err
		}
		return a.download(a.Ledger.Export), nil
	})
	register(a, huma.Operation{
		OperationID: "backup", Method: http.MethodGet, Path: "/api/v1/backup", Summary: "A copy of the whole database, taken while it runs, with the digests to verify it by", Tags: []string{"admin"},
		Responses: map[string]*huma.Response{"200": {Description: "The backup; see stoa restore.", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}},
	}, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		if err := a.mayManage(ctx); err != nil {
			return nil, err
		}
		return a.download(a.Admin.Backup), nil
	})
	register(a, huma.Operation{
		OperationID: "erase-person", Method: http.MethodDelete, Path: "/api/v1/people/{name}", Summary: "Erase a person from the ledger; its proofs still hold", Tags: []string{"admin"},
	}, func(ctx context.Context, in *NameInput) (*struct{}, error) {
		if err := a.mayManage(ctx); err != nil {
			return nil, err
		}
		return nil, a.Admin.ErasePerson(ctx, requestOf(ctx).principal, in.Name)
	})
	register(a, huma.Operation{
		OperationID: "erase-payload", Method: http.MethodDelete, Path: "/api/v1/events/{seq}/payload", Summary: "Erase an event's payload; the ledger's proofs still hold", Tags: []string{"admin"},
	}, func(ctx context.Context, in *seqInput) (*struct{}, error) {
		if err := a.mayManage(ctx); err != nil {
			return nil, err
		}
		return nil, a.Admin.ErasePayload(ctx, requestOf(ctx).principal, in.Seq)
	})
}

type seqInput struct {
	Seq int64 `path:"seq" minimum:"1" doc:"The event's sequence."`
}

func (a *api) mayManage(ctx context.Context) error {
	return auth.Allowed(requestOf(ctx).principal, auth.Manage, object.Kind{}, "").Err()
}

type checkpointOutput struct {
	Body struct {
		Checkpoint string `json:"checkpoint" doc:"Signed note: origin, size, root hash."`
		PublicKey  string `json:"publicKey" doc:"Verifier key of the note."`
	}
}

// checkpoint seals what was appended, so that what the caller has just done is
// part of what it is shown.
func (a *api) checkpoint(ctx context.Context, _ *struct{}) (*checkpointOutput, error) {
	latest, err := a.Ledger.Seal(ctx)
	out := &checkpointOutput{}
	out.Body.Checkpoint, out.Body.PublicKey = latest.Note, a.Ledger.PublicKey()
	return out, err
}

type consistencyInput struct {
	From int64 `query:"from" minimum:"1" required:"true" doc:"The older size."`
	To   int64 `query:"to" minimum:"1" required:"true" doc:"The newer size."`
}

type consistencyOutput struct {
	Body struct {
		Proof []string `json:"proof" doc:"Hashes, base64."`
	}
}

func (a *api) consistency(ctx context.Context, in *consistencyInput) (*consistencyOutput, error) {
	proof, err := a.Ledger.ProveConsistency(ctx, in.From, in.To)
	out := &consistencyOutput{}
	out.Body.Proof = []string{}
	for _, h := range proof {
		out.Body.Proof = append(out.Body.Proof, h.String())
	}
	return out, err
}

// download streams what write writes. A failure in its middle breaks the
// connection off, so that the client cannot take half for the whole.
func (a *api) download(write func(ctx context.Context, w io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/octet-stream")
		if err := write(ctx.Context(), ctx.BodyWriter()); err != nil {
			a.Logger.Error("download failed", "request", requestOf(ctx.Context()).id, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}
}
