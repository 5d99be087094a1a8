package event

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// CloudEvent gives the record as a CloudEvent 1.0 in the JSON format. What the
// ledger adds stands in the extension attributes stoaseq, stoareceived,
// stoaposter and, of an erased payload, stoaerased.
func (r Record) CloudEvent() ([]byte, error) {
	out := make(map[string]any, 16+len(r.Extensions))
	for name, value := range r.Extensions {
		out[name] = value
	}
	for name, value := range map[string]string{
		"subject": r.Subject, "actor": r.Actor, "team": r.Team, "service": r.Service, "capability": r.Capability,
		"environment": r.Environment, "datacontenttype": r.DataContentType, "stoaposter": r.Poster,
	} {
		if value != "" {
			out[name] = value
		}
	}
	out["specversion"], out["id"], out["source"], out["type"] = "1.0", r.ID, r.Source, r.Type
	if !r.Time.IsZero() {
		out["time"] = r.Time.UTC().Format(time.RFC3339Nano)
	}
	if !r.Received.IsZero() {
		out["stoareceived"] = r.Received.UTC().Format(time.RFC3339Nano)
	}
	if r.Seq > 0 {
		out["stoaseq"] = strconv.FormatInt(r.Seq, 10)
	}
	if r.Erased {
		out["stoaerased"] = true
	}
	if len(r.Data) > 0 {
		if jsonType(r.DataContentType) {
			out["data"] = r.Data
		} else {
			out["data_base64"] = r.Data
		}
		if r.DataContentType == "" {
			out["datacontenttype"] = "application/json"
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode event %d: %w", r.Seq, err)
	}
	return raw, nil
}
