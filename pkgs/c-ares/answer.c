/* Writes a question and reads an answer, without a network. */
#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

int main(void)
{
	static const unsigned char address[] = { 0300, 014, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7 };
	unsigned char *question, answer[64];
	struct hostent *host;
	int size;

	if (ares_library_init(ARES_LIB_INIT_ALL) || ares_create_query("a.example", 1, 1, 7, 1, &question, &size, 0))
		return 1;
	memcpy(answer, question, (size_t)size);
	memcpy(answer + size, address, sizeof address);
	ares_free_string(question);
	answer[2] |= 0x80;
	answer[7] = 1;
	if (ares_parse_a_reply(answer, size + (int)sizeof address, &host, NULL, NULL) || strcmp(host->h_name, "a.example"))
		return 2;
	return *(in_addr_t *)host->h_addr_list[0] != inet_addr("192.0.2.7");
}
