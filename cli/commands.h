/* commands.h - what the commands do; the table of them is in main.c. */
#ifndef MM_CLI_COMMANDS_H
#define MM_CLI_COMMANDS_H

#include "cli/args.h"

typedef enum mm_err command_run(const struct args *a, struct why *why);

command_run token_create, token_rotate, token_show;	  /* token.c */
command_run token_list;					  /* token_list.c */
command_run token_revoke, token_suspend, token_reinstate; /* token_change.c */
command_run verify_run;					  /* verify.c */
command_run inspect_run;				  /* inspect.c */
command_run audit_run;					  /* audit.c */
command_run doctor_command;				  /* doctor.c */
command_run key_list;					  /* key.c */
command_run key_import, key_protect;			  /* key_keep.c */
command_run key_generate, key_rotate, key_retire;	  /* key_change.c */
command_run key_report;					  /* key_report.c */
command_run key_compromise;				  /* key_compromise.c */

#endif
