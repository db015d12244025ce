// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVM: what the board says about itself (data sheet 3.3, 6)
 */
#include <kunit/visibility.h>
#include <linux/iopoll.h>

#include "i82576.h"

#define EERD_TIMEOUT_US	2000

/**
 * i82576_nvm_read - read a word of the NVM
 * @pf: physical function; its lock is held
 * @word: word offset
 * @value: filled in on success
 *
 * Return: 0, -EBUSY if the firmware keeps the NVM, -ETIMEDOUT.
 */
int i82576_nvm_read(struct i82576_pf *pf, unsigned int word, u16 *value)
{
	u32 eerd;
	int ret;

	ret = i82576_sync_get(pf, SYNC_NVM);
	if (ret)
		return ret;
	i82576_write(pf, REG_EERD, FIELD_PREP(EERD_ADDR, word) | EERD_START);
	ret = read_poll_timeout(i82576_read, eerd, eerd & EERD_DONE, 10,
				EERD_TIMEOUT_US, false, pf, REG_EERD);
	i82576_sync_put(pf, SYNC_NVM);
	*value = FIELD_GET(EERD_DATA, eerd);
	return ret;
}

/**
 * i82576_nvm_version - version of the NVM image
 * @pf: physical function; its lock is held
 * @buf: filled in; empty if there is none
 * @size: of @buf
 *
 * Version and, where the image has one, Intel's tracking number of it.
 */
void i82576_nvm_version(struct i82576_pf *pf, char *buf, size_t size)
{
	u16 version, low, high;

	buf[0] = '\0';
	if (i82576_nvm_read(pf, NVM_VERSION, &version) || version == U16_MAX)
		return;
	if (i82576_nvm_read(pf, NVM_ETRACK_LOW, &low) ||
	    i82576_nvm_read(pf, NVM_ETRACK_HIGH, &high) ||
	    high == U16_MAX || !(low | high))
		snprintf(buf, size, "%u.%02x", version >> 12, version & 0xff);
	else
		snprintf(buf, size, "%u.%02x 0x%04x%04x", version >> 12,
			 version & 0xff, high, low);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_nvm_version);

/**
 * i82576_nvm_board_id - printed board assembly number
 * @pf: physical function; its lock is held
 * @buf: filled in on success
 * @size: of @buf
 *
 * Return: 0, -ENODATA if the NVM has none in the plain form, or as
 * i82576_nvm_read().
 */
int i82576_nvm_board_id(struct i82576_pf *pf, char *buf, size_t size)
{
	u16 first, second;
	int ret;

	ret = i82576_nvm_read(pf, NVM_PBA_0, &first);
	if (!ret)
		ret = i82576_nvm_read(pf, NVM_PBA_1, &second);
	if (ret)
		return ret;
	if (first == NVM_PBA_IS_POINTER || first == U16_MAX ||
	    !(first | second))
		return -ENODATA;
	snprintf(buf, size, "%04X%02X-0%02X", first, second >> 8,
		 second & 0xff);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_nvm_board_id);
