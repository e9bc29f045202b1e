/* Finds a named group in UTF-8. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

int main(void)
{
	PCRE2_SPTR text = (PCRE2_SPTR) "one \303\251t\303\251=42;";
	PCRE2_UCHAR *value;
	PCRE2_SIZE place, size;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR) "\\b\\p{Ll}{3}=(?<value>\\d+)(?=;)", PCRE2_ZERO_TERMINATED,
					 PCRE2_UTF | PCRE2_UCP, &error, &place, NULL);

	if (!code)
		return 1;
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, NULL);
	if (pcre2_match(code, text, PCRE2_ZERO_TERMINATED, 0, 0, match, NULL) != 2)
		return 2;
	if (pcre2_substring_get_byname(match, (PCRE2_SPTR) "value", &value, &size) || size != 2)
		return 3;
	return memcmp(value, "42", 2);
}
