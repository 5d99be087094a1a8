package adoption

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/stoa-platform/stoa/internal/measure"
)

// OwnDays counts the days on which a team used the platform whose use the view leaves
// out because it runs the platform.
func OwnDays(ctx context.Context, v *measure.View) (int, error) {
	first, last := monthsOf(v.From, v.To)
	rows, err := v.DB.Query(ctx, "SELECT month, team, kind, days FROM team_month WHERE month >= $1 AND month <= $2", first, last)
	if err != nil {
		return 0, fmt.Errorf("read the use of teams: %w", err)
	}
	defer rows.Close()
	used := map[int64]int64{} // by month
	for rows.Next() {
		var month, team, kind, days int64
		if err := rows.Scan(&month, &team, &kind, &days); err != nil {
			return 0, fmt.Errorf("read the use of teams: %w", err)
		}
		if use := v.Org.Kinds[kind]; use.Qualifies && v.OwnTeam(measure.Cell{Team: team, Capability: use.CapabilityID}) {
			start := firstOf(month)
			used[month] |= days & mask(max(0, v.From-start), min(31, max(0, v.To-start)))
		}
	}
	n := 0
	for _, days := range used {
		n += bits.OnesCount64(uint64(days))
	}
	return n, rows.Err()
}
