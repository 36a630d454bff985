/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The ssh session in which umlctl runs. */

/* SSH_CONNECTION of this process or, as sudo and su take it out of the environment, of the nearest
 * of its ancestors that has one; the caller's to free(), NULL = no ssh session. Set to
 * nothing it says that there is none. */
char *ssh_session_find(void);
