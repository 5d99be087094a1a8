package admission

import (
	"errors"
	"fmt"

	"github.com/stoa-platform/stoa/internal/problem"
)

func (d *Draft) field(path, message string) problem.Field {
	f := problem.Field{Path: path, Source: d.Label, Message: message}
	if d.Lines != nil {
		f.Line = d.Lines(path)
	}
	return f
}

// located gives the fields that a rule found wrong their places in the input.
func (d *Draft) located(err error) error {
	var told *problem.Problem
	if errors.As(err, &told) {
		for i, f := range told.Fields {
			if f.Source == "" && f.Line == 0 {
				told.Fields[i] = d.field(f.Path, f.Message)
			}
		}
	}
	return err
}

// maxFields bounds how many wrong fields one answer lists.
const maxFields = 20

func invalid(wrong []problem.Field) error {
	if len(wrong) == 0 {
		return nil
	}
	title := "1 field is wrong; nothing was changed"
	if len(wrong) > 1 {
		title = fmt.Sprintf("%d fields are wrong; nothing was changed", len(wrong))
	}
	p := problem.New(problem.Invalid, "%s", title)
	if len(wrong) > maxFields {
		p.Because(fmt.Sprintf("the first %d are listed", maxFields))
		wrong = wrong[:maxFields]
	}
	return p.WithFields(wrong...)
}
