# From the output of a run: seconds and name of each package built, each test program, each compilation.

function seconds(text, sum) {
    if (match(text, /[0-9]+m/)) sum += 60 * substr(text, RSTART, RLENGTH - 1)
    if (match(text, /[0-9.]+s/)) sum += substr(text, RSTART, RLENGTH - 1)
    return sum
}
$1 == "built" && match($0, /\([0-9.ms]+[,)]/) { print seconds(substr($0, RSTART)), "package " $2 }
$1 == "Running" { test = $0; sub(/^ *Running (unittests )?/, "", test); sub(/ \(.*\/deps\//, " (", test); sub(/-[0-9a-f]+\)/, ")", test) }
$1 == "Finished" && match($0, / in .*/) { print seconds(substr($0, RSTART)), "compiling" }
/^test result: .*finished in/ { print seconds($NF), "test " test }
