package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/object"
)

// kindInfo is what a client needs to know of a kind to name it and list it.
type kindInfo struct {
	Name   string   `json:"name"`
	Plural string   `json:"plural" doc:"The word of the address."`
	Short  string   `json:"short,omitempty"`
	About  string   `json:"about"`
	Owned  bool     `json:"owned,omitempty" doc:"Every object has an owning team."`
	Fields []string `json:"fields,omitempty" doc:"Fields that lists can be filtered by."`
}

func infoOf(k object.Kind) kindInfo {
	return kindInfo{Name: k.Name, Plural: k.Plural, Short: k.Short, About: k.About, Owned: k.Owned, Fields: k.Fields}
}

type kindsOutput struct {
	Body struct {
		Items []kindInfo `json:"items"`
	}
}

type kindOutput struct{ Body kindInfo }

type versionOutput struct {
	Body struct {
		Version    string `json:"version"`
		APIVersion string `json:"apiVersion"`
	}
}

// aboutRoutes tell what the platform is and knows. They are open: so is the
// description of the API, which says the same at length.
func (a *api) aboutRoutes() {
	tags := []string{"about"}
	register(a, huma.Operation{
		OperationID: "list-kinds", Method: http.MethodGet, Path: "/api/v1/kinds", Summary: "The kinds of object", Tags: tags, Security: open(),
	}, func(context.Context, *struct{}) (*kindsOutput, error) {
		out := &kindsOutput{}
		for _, k := range a.Pipe.Kinds().All() {
			out.Body.Items = append(out.Body.Items, infoOf(k))
		}
		return out, nil
	})
	register(a, huma.Operation{
		OperationID: "find-kind", Method: http.MethodGet, Path: "/api/v1/kinds/{word}", Summary: "The kind that a word names", Tags: tags, Security: open(),
		Description: "Plural, singular or short, in any case.",
	}, func(_ context.Context, in *struct {
		Word string `path:"word" maxLength:"63"`
	}) (*kindOutput, error) {
		k, err := a.Pipe.Kinds().ByPlural(in.Word)
		return &kindOutput{Body: infoOf(k)}, err
	})
	register(a, huma.Operation{
		OperationID: "version", Method: http.MethodGet, Path: "/api/v1/version", Summary: "The platform's version", Tags: tags, Security: open(),
	}, func(context.Context, *struct{}) (*versionOutput, error) {
		out := &versionOutput{}
		out.Body.Version, out.Body.APIVersion = a.Version, object.APIVersion
		return out, nil
	})
}
