/* doctor_key_files.h - the files of the signing keys, before one is read. */
#ifndef MM_CLI_DOCTOR_KEY_FILES_H
#define MM_CLI_DOCTOR_KEY_FILES_H

#include "cli/doctor.h"

struct key_files {
	size_t open;   /* that others can read or write; each is said */
	size_t closed; /* that a passphrase or a PIN opens */
};

/* Those in the folders of `keys`; *f is added to. */
void key_files_look(const char *keys, struct key_files *f, json_t *all);

#endif
