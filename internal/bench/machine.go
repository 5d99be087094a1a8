package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// What is known of the machine, as far as the system tells.

func processor() string {
	if name := after("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return "processor unknown"
}

func installed() string {
	kib, err := strconv.ParseInt(strings.TrimSuffix(after("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f GB", float64(kib)*1024/1e9)
}

// after gives the value of the first line "name: value" of a file, or "".
func after(path, name string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for text := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// loadAverage is that of the last minute, or "" where the system does not tell.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	load, _, _ := strings.Cut(string(raw), " ")
	return load
}
