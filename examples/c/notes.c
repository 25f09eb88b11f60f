/* notes.c - a table of notes behind one lock. */
#include "notes.h"

#include <pthread.h>
#include <string.h>

static struct note notes[NOTES_MAX]; /* free: an empty path */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct note *find(const char *user, const char *path)
{
	for (size_t i = 0; i < NOTES_MAX; i++)
		if (strcmp(notes[i].path, path) == 0 &&
		    (path[0] == '\0' || strcmp(notes[i].user, user) == 0))
			return &notes[i];
	return NULL;
}

enum note_result note_read(const char *user, const char *path, struct note *out)
{
	pthread_mutex_lock(&lock);
	const struct note *n = find(user, path);
	if (n != NULL)
		*out = *n;
	pthread_mutex_unlock(&lock);
	return n != NULL ? NOTE_OK : NOTE_NONE;
}

enum note_result note_write(const struct note *n)
{
	enum note_result result = NOTE_OK;
	pthread_mutex_lock(&lock);
	struct note *at = find(n->user, n->path);
	if (at == NULL) {
		at = find("", "");
		result = at != NULL ? NOTE_NEW : NOTE_FULL;
	}
	if (at != NULL)
		*at = *n;
	pthread_mutex_unlock(&lock);
	return result;
}

enum note_result note_delete(const char *user, const char *path)
{
	pthread_mutex_lock(&lock);
	struct note *n = find(user, path);
	if (n != NULL)
		n->path[0] = '\0';
	pthread_mutex_unlock(&lock);
	return n != NULL ? NOTE_OK : NOTE_NONE;
}

size_t note_list(const char *user, char to[LIST_MAX])
{
	size_t len = 0;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < NOTES_MAX; i++) {
		size_t n = strlen(notes[i].path);
		if (n == 0 || strcmp(notes[i].user, user) != 0)
			continue;
		memcpy(to + len, notes[i].path, n);
		len += n;
		to[len++] = '\n';
	}
	pthread_mutex_unlock(&lock);
	return len;
}
