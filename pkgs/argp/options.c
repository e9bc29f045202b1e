#include <argp.h>
#include <string.h>

static const char *name;

static error_t take(int key, char *arg, struct argp_state *state)
{
    (void) state;
    if (key != 'n')
        return ARGP_ERR_UNKNOWN;
    name = arg;
    return 0;
}

static error_t parse(char *option)
{
    struct argp_option options[] = { { "name", 'n', "NAME", 0, "A name", 0 }, { 0 } };
    struct argp argp = { options, take, "[WORD]", "Takes a name.", 0, 0, 0 };
    char *argv[] = { "options", option, NULL };
    return argp_parse(&argp, 2, argv, ARGP_IN_ORDER | ARGP_NO_EXIT | ARGP_NO_ERRS, NULL, NULL);
}

int main(void)
{
    if (parse("--name=stone") != 0 || name == NULL || strcmp(name, "stone") != 0)
        return 1;
    return parse("--none") == 0;
}
