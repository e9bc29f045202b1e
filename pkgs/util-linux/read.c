/* Makes a UUID, and tells what a file holds that begins like ext4. */
#include <blkid/blkid.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <uuid/uuid.h>

int main(void)
{
	unsigned char super[2048] = { 0 };
	uuid_t id, other;
	char text[37];
	const char *type;
	int file = open("/tmp/file-system", O_RDWR | O_CREAT | O_TRUNC, 0600);

	uuid_generate_random(id);
	uuid_unparse_lower(id, text);
	if (uuid_parse(text, other) || uuid_compare(id, other))
		return 1;
	/* A swap area: its mark ends the first page. */
	if (file < 0 || ftruncate(file, 1 << 20))
		return 2;
	super[0] = 1;
	super[4] = 100;
	if (pwrite(file, super, 1024, 1024) != 1024 || pwrite(file, "SWAPSPACE2", 10, 4086) != 10)
		return 3;
	blkid_probe probe = blkid_new_probe();
	if (!probe || blkid_probe_set_device(probe, file, 0, 0) || blkid_do_safeprobe(probe))
		return 4;
	return blkid_probe_lookup_value(probe, "TYPE", &type, 0) || strcmp(type, "swap");
}
