/* banned.h - functions that have no place here, turned into compile errors.
 *
 * CMake includes this before every source file (-include), so it pulls in
 * the headers that declare what it bans.  Each has a safe neighbour:
 * snprintf, memcpy with a checked length, strtok_r-free cutting with
 * struct span, gmtime_r, getrandom.
 */
#ifndef MM_COMMON_BANNED_H
#define MM_COMMON_BANNED_H

#ifndef __cplusplus
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef sprintf /* macros in glibc, when clang fortifies */
#undef vsprintf
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
#undef alloca /* glibc has it as a macro */
#pragma GCC poison alloca atoi atol atoll srand localtime gmtime ctime
#endif

#endif
