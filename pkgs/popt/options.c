/* Reads an option with a value, a switch and what is left over. */
#include <popt.h>
#include <string.h>

int main(void)
{
	int count = 0, quiet = 0;
	struct poptOption table[] = {
		{ "count", 'c', POPT_ARG_INT, &count, 0, "how many", "N" },
		{ "quiet", 'q', POPT_ARG_NONE, &quiet, 0, "says nothing", 0 },
		POPT_TABLEEND
	};
	const char *arguments[] = { "program", "--count=7", "-q", "rest", 0 };
	poptContext context = poptGetContext("program", 4, arguments, table, 0);

	if (poptGetNextOpt(context) != -1 || count != 7 || quiet != 1)
		return 1;
	return strcmp(poptGetArg(context), "rest") != 0;
}
