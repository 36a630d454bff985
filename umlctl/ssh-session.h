/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The ssh session in which umlctl runs. */

/* Returns SSH_CONNECTION of this process or, because sudo and su remove it from the environment, of
 * the nearest ancestor that has it. An empty value means that there is no session. NULL = no ssh
 * session; the caller frees it. */
char *ssh_session_find(void);
