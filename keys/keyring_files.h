/* keyring_files.h - the folders and files of a keyring, one at a time, for
 * keyring*.c; implemented in keyring_files.c, key_file.c and key_mark.c.
 *
 * Everything goes through the descriptors of folders that are held open, so
 * nobody can slip another folder under a change that is half done.  What a
 * function has returned MM_OK for is on the disk.
 */
#ifndef MM_KEYS_KEYRING_FILES_H
#define MM_KEYS_KEYRING_FILES_H

#include <dirent.h>
#include <sys/stat.h>

#include "keys/keyring.h"
#include "keys/secret.h"

/* Beside the states, folders of no keys, but of marks of some. */
#define MARKS_STOLEN  ((enum key_state)0)
#define MARKS_RETIRED ((enum key_state)(KEY_RETIRING + 1))
#define KEY_FOLDERS   (KEY_RETIRING + 2)

struct key_folders {
	const char *dir;		 /* the caller's; for messages */
	const struct secret *passphrase; /* the caller's; for reading */
	int root, lock;			 /* lock: -1 while only reading */
	int at[KEY_FOLDERS];		 /* -1: there is no such folder */
	uid_t owner;			 /* of the keyring: of its folder */
};

static inline struct key_folders
key_folders_none(const char *dir, const struct secret *passphrase)
{
	return (struct key_folders){
		dir, passphrase, -1, -1, { -1, -1, -1, -1, -1 }, 0
	};
}

/* Open what is there.  MM_ERR_NOT_FOUND: no folder at all.  Folders that
 * others can write to, and those of another than the keyring's owner or root,
 * are refused: whoever can put a key there can sign.  So is a keyring that is
 * neither root's nor ours; nor, where we are root, of the owner of the folder
 * around it. */
MM_MUST_USE enum mm_err key_folders_open(struct key_folders *f,
					 struct why *why);
/* Make what is missing, 0700, and open all. */
MM_MUST_USE enum mm_err key_folders_make(struct key_folders *f,
					 struct why *why);
/* Keep other changes out (MM_ERR_BUSY: one is running), and clear away what
 * a crash of an earlier one left. */
MM_MUST_USE enum mm_err key_folders_lock(struct key_folders *f,
					 struct why *why);
void key_folders_close(struct key_folders *f);
#define AUTO_FOLDERS __attribute__((cleanup(key_folders_close)))

/* Read one file of a folder.  MM_ERR_NOT_FOUND: it has gone. */
MM_MUST_USE enum mm_err key_file_read(const struct key_folders *f,
				      enum key_state state, const char *name,
				      struct keyring_entry *out,
				      struct why *why);
/* The key that the line of a KID.uri file names. */
MM_MUST_USE enum mm_err key_from_uri(struct span text, struct jwk **out,
				     struct why *why);
/* Could this be the name of a key's file in that folder? */
bool key_file_named(enum key_state state, const char *name);
/* Write the file of a key, whole, in e->state's folder.  A new key (after !=
 * NULL) gets a time that is later than that one's whatever the clock says;
 * one that is written again keeps its own. */
MM_MUST_USE enum mm_err key_file_write(const struct key_folders *f,
				       struct keyring_entry *e,
				       struct span text,
				       const struct keyring_entry *after,
				       struct why *why);
/* Make the file of a key that came back newer than `after`, as a new one
 * would be. */
MM_MUST_USE enum mm_err key_file_touch(const struct key_folders *f,
				       struct keyring_entry *e,
				       const struct keyring_entry *after,
				       struct why *why);
MM_MUST_USE enum mm_err key_file_move(const struct key_folders *f,
				      struct keyring_entry *e,
				      enum key_state to, struct why *why);
/* Remove a key's file, also the public one beside it. */
MM_MUST_USE enum mm_err key_file_remove(const struct key_folders *f,
					const struct keyring_entry *e,
					struct why *why);
/* The public one alone, when it has done its service. */
MM_MUST_USE enum mm_err key_file_remove_public(const struct key_folders *f,
					       const struct keyring_entry *e,
					       struct why *why);

/* Write down how this key is ended now (key_mark.c). */
MM_MUST_USE enum mm_err key_mark_put(const struct key_folders *f,
				     const char *kid, enum key_end end,
				     struct why *why);

/* errno, as an error with a sentence: "cannot VERB DIR/STATE/NAME: ...". */
enum mm_err key_failed(const struct key_folders *f, enum key_state state,
		       const char *verb, const char *name, struct why *why);
/* Root's new files belong to whom the folder belongs to. */
bool key_give_to_owner(const struct key_folders *f, int fd);
/* List an open folder from its start; NULL (errno says why) or closedir()
 * it. */
DIR *key_folder_list(int folder);

#endif
