/* SPDX-License-Identifier: GPL-2.0-or-later */
/* change.c - umld-image change: the image of a guest, where it is: checked, grown, more files put
 * into it. */

#include "api/image-protocol.h"
#include "basic/undo-record.h"
#include "imager/message.h"
#include "imager/modes.h"
#include "imager/write.h"

static int change(const Order *o) {
        _cleanup_(image_writer_freep) ImageWriter *w = NULL;
        _cleanup_free_ char *why = NULL;
        int r = image_writer_open(IMAGE_FD_IMAGE, false, &w, &why);

        if (r < 0)
                return say_error("%s", why ?: strerror(-r));
        r = add_modules(w, o);
        return r == 0 ? write_end(TAKE_PTR(w), o) : r;
}

int mode_change(int argc, char *argv[]) {
        Order o = {};
        int r = order_begin(argc, argv, NULL, &o);

        if (r != 0)
                return r;
        r = undo_record_begin(IMAGE_FD_IMAGE, IMAGE_FD_UNDO);
        if (r < 0)
                return say_error("cannot read the undo file of the image: %s", strerror(-r));
        if (!image_is_ext())
                return say_error("has no ext2, ext3 or ext4 file system, so it cannot be changed "
                                 "here");
        r = mend_image(&o, undo_record_size());
        return r == 0 ? change(&o) : r;
}
