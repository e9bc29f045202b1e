# Usage: changes.sh PROGRAM. The list of what is watched is part of the system, so in a build there is none: here is seen what comes
# before it. What changes look like is seen by the program's own tests, and on the booted system.
set -eu
integrity=$1
if "$integrity" 2> /tmp/said; then exit 1; fi
grep -q '^integrity: usage: ' /tmp/said
if "$integrity" check 2> /tmp/said; then exit 1; fi
grep -q '^integrity: no baseline exists' /tmp/said
if "$integrity" show --digest 2> /tmp/said; then exit 1; fi
grep -q '^integrity: no baseline exists' /tmp/said
"$integrity" --help | grep -q '^What it cannot prove: root can'
