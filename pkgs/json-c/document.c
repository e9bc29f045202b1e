/* Reads a document, changes it and writes it. */
#include <json-c/json.h>
#include <string.h>

int main(void)
{
	json_object *document = json_tokener_parse("{\"a\": [1, 2], \"b\": \"\\u00e9\"}");
	json_object *list;

	if (!json_object_object_get_ex(document, "a", &list) || json_object_array_length(list) != 2)
		return 1;
	json_object_array_add(list, json_object_new_int(3));
	return strcmp(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN),
		      "{\"a\":[1,2,3],\"b\":\"\303\251\"}") != 0;
}
