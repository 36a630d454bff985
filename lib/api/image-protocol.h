/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The protocol between umlctl and umld-image, which makes and changes images for it. umld-image
 * sends messages on its standard output, one per packet, each a word and its arguments:
 *
 *     progress BYTES    so much of its input has been read
 *     note TEXT         what is worth knowing
 *     error TEXT        why it fails; the last message
 *     result KEY VALUE  what has come of it
 *     file NAME         asks for a file, "sha256:…" as its input names it, or "init" for
 *                       umld-guest-init; the answer is "y" with the open file, or "n"
 */

enum {
        IMAGE_FD_STREAM = 0,   /* the source of the tree */
        IMAGE_FD_MESSAGES = 1, /* a SOCK_SEQPACKET socket; a pipe will do for debugging */
        IMAGE_FD_IMAGE = 3,
        IMAGE_FD_OVERLAY = 4, /* an archive that is added to the tree */
        IMAGE_FD_MODULES = 5, /* an archive with modules of the kernel */
        IMAGE_FD_RECIPES = 6, /* an archive with recipes, and what they put into the tree */
        IMAGE_FD_UNDO = 7,    /* records what a change overwrites (api/image-undo.h) */
        IMAGE_MESSAGE_MAX = 1024,
};

/* In /lib/modules/RELEASE of an image: umlctl has put the modules there, and may do so again. */
#define IMAGE_MODULES_MARK "modules.umld"

#define IMAGE_WORD_PROGRESS "progress "
#define IMAGE_WORD_NOTE     "note "
#define IMAGE_WORD_ERROR    "error "
#define IMAGE_WORD_RESULT   "result "
#define IMAGE_WORD_FILE     "file "

/* The first and the last file of an export. */
#define EXPORT_HEAD "umld-export"
#define EXPORT_SUMS "checksums"

#define IMAGE_FILE_INIT   "init"
#define IMAGE_FILE_DIGEST "sha256:" /* and 64 small hexadecimal digits */
