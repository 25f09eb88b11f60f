/* notes.h - the notes themselves, in memory: a stand-in for your database.
 *
 * Each user has notes of his own.  All functions may be called by any number
 * of threads at once.
 */
#ifndef NOTES_H
#define NOTES_H

#include <stddef.h>

#define NOTE_MAX  4096 /* bytes of a note */
#define PATH_SIZE 128  /* of its path, with the NUL */
#define NOTES_MAX 64   /* notes of all users */
#define LIST_MAX  (NOTES_MAX * PATH_SIZE)

struct note {
	char user[256];
	char path[PATH_SIZE];
	size_t len;
	char text[NOTE_MAX];
};

enum note_result { NOTE_OK, NOTE_NEW, NOTE_NONE, NOTE_FULL };

enum note_result note_read(const char *user, const char *path,
			   struct note *out);

/* Takes the note as it is; NOTE_NEW when there was none of that path. */
enum note_result note_write(const struct note *n);

enum note_result note_delete(const char *user, const char *path);

/* The paths of the user's notes, a line each; how many bytes that is. */
size_t note_list(const char *user, char to[LIST_MAX]);

#endif
