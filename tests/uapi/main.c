// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of tests
 */
#include "test.h"

int main(int argc, char **argv)
{
	return test_main(argc, argv);
}
