package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// What a process has used so far, read from /proc; elsewhere than on Linux
// these give an error and the line says "not measured".

// clockTick is the unit of CPU times in /proc, USER_HZ, which is 100 on every
// architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is the time that a process has spent on processors.
func cpuTime(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold anything; the fields follow the last one.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("read CPU time of process %d: %d fields", pid, len(fields))
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time of process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// memory is the resident memory of a process in bytes: all of it, and the part
// that is not pages of files, which the system can drop at will.
func memory(pid int) (resident, anonymous int64, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for text := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(text, ":")
		into := map[string]*int64{"VmRSS": &resident, "RssAnon": &anonymous}[name]
		if into == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read memory of process %d: %w", pid, err)
		}
		*into = kib << 10
	}
	return resident, anonymous, nil
}
