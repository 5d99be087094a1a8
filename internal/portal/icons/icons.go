// Package icons draws the few icons that the portal uses, inline, so that they
// are there with the page and take the colour of the text around them.
package icons

import (
	"context"
	"fmt"
	"io"

	"github.com/a-h/templ"
)

// Icon draws an icon by its name. It is decoration: the text beside it, or the
// label of the control around it, says the same.
func Icon(name string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		shapes, ok := paths[name]
		if !ok {
			return fmt.Errorf("there is no icon %q", name)
		}
		_, err := io.WriteString(w, `<svg class="icon icon-`+name+`" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">`+shapes+`</svg>`)
		return err
	})
}
