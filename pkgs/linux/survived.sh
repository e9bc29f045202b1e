#!/bin/sh
# usage: survived.sh CONFIG FRAGMENT...
# Lists every option that a fragment asks for and CONFIG does not have with exactly that value, and every option that is
# asked for twice with different values; exits 1 if there is one.
set -eu
config=$1
shift
awk -v config="$config" '
function fail(text) { print text > "/dev/stderr"; bad++ }
# Sets name and value from a line; "n" covers both spellings of "off". Returns 0 for a line that sets nothing.
function parse(line) {
    if (line ~ /^# CONFIG_[A-Za-z0-9_]+ is not set$/) {
        split(line, word, " ")
        name = word[2]; value = "n"
        return 1
    }
    if (line ~ /^CONFIG_[A-Za-z0-9_]+=/) {
        name = substr(line, 1, index(line, "=") - 1)
        value = substr(line, index(line, "=") + 1)
        return 1
    }
    return 0
}
FILENAME == config {
    if (parse($0)) have[name] = value
    next
}
parse($0) {
    where = FILENAME ":" FNR
    sub(/^.*\//, "", where)
    if (name in asked && asked[name] != value)
        fail(where ": " name "=" value " contradicts " name "=" asked[name] " in " place[name])
    asked[name] = value
    place[name] = where
    next
}
/^[^#]/ || /^#[[:space:]]*CONFIG_/ { fail(FILENAME ":" FNR ": not understood: " $0) }
END {
    for (name in asked) {
        got = name in have ? have[name] : "n"
        if (got != asked[name])
            lost[++n] = place[name] ": asked for " name "=" asked[name] ", got " name "=" got
    }
    # Sorted by hand: plain awk has no sort, and a pipe would lose the exit status.
    for (i = 2; i <= n; i++) {
        line = lost[i]
        for (j = i - 1; j > 0 && lost[j] > line; j--) lost[j + 1] = lost[j]
        lost[j + 1] = line
    }
    for (i = 1; i <= n; i++) fail(lost[i])
    if (bad) {
        print bad " requested option(s) of the kernel configuration did not survive" > "/dev/stderr"
        exit 1
    }
}' "$config" "$@"
