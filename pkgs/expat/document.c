/* Counts elements and text of a document, and refuses one that is not well-formed. */
#include <expat.h>
#include <string.h>

static void begin(void *count, const XML_Char *name, const XML_Char **attributes)
{
	if (!strcmp(name, "b") && attributes[0] && !strcmp(attributes[1], "<1>"))
		++*(int *)count;
}

static void text(void *count, const XML_Char *text, int size)
{
	(void)text;
	*(int *)count += 10 * size;
}

static int parse(const char *document, int *count)
{
	XML_Parser parser = XML_ParserCreate(NULL);
	int well;

	XML_SetUserData(parser, count);
	XML_SetElementHandler(parser, begin, NULL);
	XML_SetCharacterDataHandler(parser, text);
	well = XML_Parse(parser, document, (int)strlen(document), 1) == XML_STATUS_OK;
	XML_ParserFree(parser);
	return well;
}

int main(void)
{
	int count = 0;

	if (!parse("<!DOCTYPE a [<!ENTITY e 'four'>]><a><b c='&lt;1&gt;'>&e;</b></a>", &count) || count != 41)
		return 1;
	return parse("<a><b></a>", &count);
}
