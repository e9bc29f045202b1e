/* Names itself and builds the names of nodes, without asking the kernel. */
#include <libdevmapper.h>
#include <string.h>

int main(void)
{
	char version[64];
	struct dm_pool *pool = dm_pool_create("test", 64);

	if (!pool || !dm_get_library_version(version, sizeof version) || strncmp(version, "1.02.", 5))
		return 1;
	/* A name for two words, as it stands in /dev/mapper. */
	return strcmp(dm_build_dm_name(pool, "a-b", "c", 0), "a--b-c") || strcmp(dm_dir(), "/dev/mapper");
}
