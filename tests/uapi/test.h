/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests in one program, reported as KTAP
 *
 * A program is a file of TEST()s. They run in the order of the file, in one
 * process, on one open device (dut()), which is put into a known state before
 * each test that asks for it. A test that crashes or takes longer than its time
 * limit ends the program; the tests behind it count as failed, as the plan was
 * printed first.
 */
#ifndef UAPI_TEST_H
#define UAPI_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_ARGS	16

/*
 * What the command line said:
 * prog [--cdev] [--noiommu] [--v1] [--token UUID] [--seconds N] BDF...
 */
struct test_args {
	const char *bdf[MAX_ARGS];
	unsigned int nbdf;
	const char *token;
	unsigned int seconds;
	bool cdev;
	bool noiommu;
	bool v1;	/* the type1 IOMMU of before 3.15 */
};

extern struct test_args args;

void test_parse(int argc, char **argv);
/* What main() is for a program of TEST()s. */
int test_main(int argc, char **argv);

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *t);
void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void test_stop(void) __attribute__((noreturn));
void test_skip(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void test_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool test_eq(const char *file, int line, const char *expr, long long got,
	     long long want);

/* TEST(function, "what holds") { ... } */
#define TEST(fn, what)						\
	static void run_##fn(void);				\
	static struct test test_##fn = { what, run_##fn, NULL };\
	static void __attribute__((constructor)) add_##fn(void)	\
	{							\
		test_register(&test_##fn);			\
	}							\
	static void run_##fn(void)

/* EXPECT goes on after a failure, ASSERT leaves the test. Both give the result. */
#define EXPECT(cond)						\
	((cond) ? true :					\
	 (test_fail(__FILE__, __LINE__, "%s", #cond), false))
#define ASSERT(cond)	((void)(EXPECT(cond) || (test_stop(), 0)))
#define EXPECT_EQ(got, want)					\
	test_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define ASSERT_EQ(got, want)	((void)(EXPECT_EQ(got, want) || (test_stop(), 0)))
#define SKIP(...)		test_skip(__VA_ARGS__)

/* By how much time limits are stretched (LAB_SLOW in the environment) */
int test_slow(void);

/* Microseconds since some time in the past */
uint64_t test_now_us(void);

/* Wait: true if fn becomes true within ms, on a machine that is as fast as it should. */
#define WITHIN(ms, cond) ({					\
	int left_ = (ms) * test_slow();				\
	bool done_;						\
	while (!(done_ = (cond)) && left_-- > 0)		\
		usleep(1000);					\
	done_; })

#endif
