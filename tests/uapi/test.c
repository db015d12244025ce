// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the tests of a program and report them as KTAP
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>

#include "test.h"

/* Longest time one test may take, beyond what --seconds asks for. */
#define TEST_LIMIT	60

struct test_args args = { .seconds = 5 };

static struct test *tests, **last = &tests;
static unsigned int ntests, nth;
static bool failed;
static const char *now = "start";
static char reason[200];
static jmp_buf out;

enum { LEFT_NOT, LEFT_STOP, LEFT_SKIP };

void test_register(struct test *t)
{
	*last = t;
	last = &t->next;
	ntests++;
}

int test_slow(void)
{
	const char *slow = getenv("LAB_SLOW");
	int factor = slow ? atoi(slow) : 1;

	return factor > 1 ? factor : 1;
}

uint64_t test_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

void test_note(const char *fmt, ...)
{
	va_list ap;

	printf("  # ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	failed = true;
	printf("  # %s:%d: failed: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

bool test_eq(const char *file, int line, const char *expr, long long got,
	     long long want)
{
	const char *why = "";

	if (got == want)
		return true;
	if (got < 0 && got > -200)
		why = strerror(-got);
	test_fail(file, line, "%s is %lld (%#llx%s%s), not %lld (%#llx)", expr,
		  got, got, *why ? ", " : "", why, want, want);
	return false;
}

void test_stop(void)
{
	longjmp(out, LEFT_STOP);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	longjmp(out, LEFT_SKIP);
}

static void __attribute__((noreturn)) died(int sig)
{
	printf("not ok %u %s # %s\n", nth, now,
	       sig == SIGALRM ? "took too long" : strsignal(sig));
	fflush(stdout);
	_exit(1);
}

static void usage(const char *prog)
{
	fprintf(stderr, "usage: %s [--cdev] [--noiommu] [--v1] [--token UUID] [--seconds N] BDF...\n",
		prog);
	exit(2);
}

void test_parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--cdev"))
			args.cdev = true;
		else if (!strcmp(argv[i], "--noiommu"))
			args.noiommu = true;
		else if (!strcmp(argv[i], "--v1"))
			args.v1 = true;
		else if (!strcmp(argv[i], "--token") && i + 1 < argc)
			args.token = argv[++i];
		else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			args.seconds = atoi(argv[++i]);
		else if (argv[i][0] == '-' || args.nbdf == MAX_ARGS)
			usage(argv[0]);
		else
			args.bdf[args.nbdf++] = argv[i];
	}
	if (!args.nbdf)
		usage(argv[0]);
}

enum { PASSED, FAILED, SKIPPED, RESULTS };

static int run_one(struct test *t)
{
	int left;

	nth++;
	now = t->name;
	failed = false;
	alarm(TEST_LIMIT * test_slow() + args.seconds);
	left = setjmp(out);
	if (left == LEFT_NOT)
		t->run();
	alarm(0);
	if (left == LEFT_SKIP && !failed) {
		printf("ok %u %s # SKIP %s\n", nth, t->name, reason);
		return SKIPPED;
	}
	printf("%sok %u %s\n", failed ? "not " : "", nth, t->name);
	return failed ? FAILED : PASSED;
}

int test_main(int argc, char **argv)
{
	unsigned int results[RESULTS] = {};

	test_parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, died);
	signal(SIGSEGV, died);
	printf("KTAP version 1\n1..%u\n", ntests);
	for (struct test *t = tests; t; t = t->next)
		results[run_one(t)]++;
	printf("# %u passed, %u failed, %u skipped\n", results[PASSED],
	       results[FAILED], results[SKIPPED]);
	if (results[FAILED])
		return 1;
	/* 4 is kselftest's "skipped" */
	return results[PASSED] ? 0 : 4;
}
