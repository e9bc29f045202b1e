/* Asks the C library for offset and name of zones at given seconds, and compares: zones DIRECTORY TABLE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
    char name[64], shown[16], zone[512];
    long long at;
    long offset;
    int lines = 0, wrong = 0;
    FILE *table = argc == 3 ? fopen(argv[2], "r") : NULL;

    if (table == NULL) {
        fputs("zones: the table cannot be read\n", stderr);
        return 2;
    }
    while (fscanf(table, "%63s %lld %ld %15s", name, &at, &offset, shown) == 4) {
        time_t moment = (time_t)at;
        struct tm local;

        snprintf(zone, sizeof zone, "%s/%s", argv[1], name);
        setenv("TZ", zone, 1);
        tzset();
        if (localtime_r(&moment, &local) == NULL || local.tm_gmtoff != offset || strcmp(local.tm_zone, shown) != 0) {
            printf("%s at %lld: %ld %s, expected %ld %s\n", name, at, local.tm_gmtoff, local.tm_zone, offset, shown);
            wrong++;
        }
        lines++;
    }
    printf("%d lines, %d wrong\n", lines, wrong);
    return wrong != 0 || lines < 10;
}
