package portal

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
)

// An override of a setting that the release does not have is shown too, or nobody
// could take it back there.
func TestOverridesWithoutASettingAreShown(t *testing.T) {
	var s catalog.Service
	s.Spec.Overrides = detect.Overrides{Port: "9000", Output: "dist"}
	shown := map[string]string{}
	for _, row := range settings([]detect.Setting{{Field: "port", Value: "9000", Source: "override", Confidence: 1}}, s) {
		shown[row.Field] += row.Override + " " + row.Confidence
	}
	if len(shown) != 2 || shown["port"] != "9000 by a person" || shown["output"] != "dist by a person; the release has no such setting" {
		t.Errorf("shown are %v", shown)
	}
}
