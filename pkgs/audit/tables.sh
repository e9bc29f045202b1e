# Usage: tables.sh SOURCES OUT. Makes the tables that SOURCES/Makefile.am describes: for each line `./gen_NAME OPTIONS > $@`
# the program gen_NAME, from the table that `gen_NAME_CFLAGS = '-DTABLE_H="FILE"'` names, and its output under the rule's name.
set -eu
sources=$1 out=$2
mkdir -p "$out"
common="-I$out -I$sources -I$sources/../lib -I$sources/../auparse -I$sources/../common -I$sources/.. -I."
awk '
    { while (sub(/\\$/, "")) { getline more; $0 = $0 more } }
    match($0, /^gen_[a-z0-9_]+_CFLAGS = .-DTABLE_H="/) {
        name = $1; sub(/_CFLAGS$/, "", name); split($0, part, "\""); table[name] = part[2]
    }
    match($0, /^gen_[a-z0-9_]+_SOURCES/) && /gen_tables64\.c/ { name = $1; sub(/_SOURCES$/, "", name); wide[name] = 1 }
    /^[a-z0-9_-]+\.h: gen_/ { target = $1; sub(/:$/, "", target) }
    /^\t\.\/gen_/ {
        program = $1; sub(/^\.\//, "", program); canonical = program; gsub(/-/, "_", canonical)
        options = $0; sub(/^\t[^ ]+/, "", options); sub(/>.*/, "", options)
        print target, table[canonical], (canonical in wide) ? "gen_tables64" : "gen_tables", options
    }' "$sources/Makefile.am" | sort > "$out/list"
# A table of a processor that is not built in is in the list too; making it is cheap.
while read -r target table generator options; do
    $HOSTCC -D_GNU_SOURCE $common -DTABLE_H="\"$table\"" "$sources/../lib/$generator.c" -o "$out/generate"
    # shellcheck disable=SC2086 # several options
    "$out/generate" $options > "$out/$target"
done < "$out/list"
test "$(wc -l < "$out/list")" -ge 15
