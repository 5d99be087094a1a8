#!/bin/sh
# Brings the built files of other projects into this folder, from their npm
# packages at exactly these versions: compressed, since that is how they are
# served and embedded. Needs npm, gzip and tar.
set -eu
cd "$(dirname "$0")"
tabler=1.6.1 htmx=4.0.1 inter=5.3.0 mono=5.3.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # package version → its unpacked folder
  (cd "$work" && file=$(npm pack --silent "$1@$2") && mkdir -p "$3" && tar -xzf "$file" -C "$3" --strip-components=1)
}
pack() { grep -v '^//# sourceMappingURL\|^/\*# sourceMappingURL' "$1" | gzip -9n > "dist/$2.gz"; }

fetch @tabler/core "$tabler" tabler
fetch htmx.org "$htmx" htmx
fetch @fontsource-variable/inter "$inter" inter
fetch @fontsource-variable/jetbrains-mono "$mono" mono
mkdir -p dist licences
pack "$work/tabler/dist/css/tabler.min.css" tabler.css
pack "$work/htmx/dist/htmx.min.js" htmx.js
pack "$work/htmx/dist/ext/hx-sse.min.js" htmx-sse.js
cp "$work/inter/files/inter-latin-wght-normal.woff2" dist/inter.woff2
cp "$work/mono/files/jetbrains-mono-latin-wght-normal.woff2" dist/mono.woff2
cp "$work/htmx/LICENSE" licences/htmx.txt
cp "$work/inter/LICENSE" licences/inter.txt
cp "$work/mono/LICENSE" licences/jetbrains-mono.txt
