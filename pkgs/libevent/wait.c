/* Waits for a pipe, then for a time, and ends. */
#include <event2/event.h>
#include <unistd.h>

static int ends[2], seen;

static void wake(evutil_socket_t file, short what, void *base)
{
	char byte;

	if (what & EV_READ && read(file, &byte, 1) == 1 && byte == 'a')
		seen |= 1;
	if (what & EV_TIMEOUT) {
		seen |= 2;
		event_base_loopbreak(base);
	}
}

int main(void)
{
	struct event_base *base = event_base_new();
	struct timeval soon = { 0, 50000 };

	if (!base || pipe(ends) || write(ends[1], "a", 1) != 1)
		return 1;
	event_add(event_new(base, ends[0], EV_READ, wake, base), NULL);
	event_add(evtimer_new(base, wake, base), &soon);
	return event_base_dispatch(base) || seen != 3;
}
