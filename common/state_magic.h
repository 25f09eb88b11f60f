/* state_magic.h - what a state file begins with: its agent overwrites no other
 * file, and mintmark doctor knows by it which it would not. */
#ifndef MM_COMMON_STATE_MAGIC_H
#define MM_COMMON_STATE_MAGIC_H

#define STATE_MAGIC "MMSTATE" /* with its NUL, 8 bytes */

#endif
