// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA: the device reaches what is mapped for it, and only while it may
 */
#include <linux/vfio.h>
#include <sys/mman.h>

#include "model.h"
#include "pci.h"
#include "test.h"

#define IOVA	0x100000
#define LEN	0x2000

static struct vfio *edu(void)
{
	struct vfio *d = dut();
	const struct model *m = model_of(d);

	if (!m || strcmp(m->name, "edu"))
		SKIP("not an edu device");
	return d;
}

TEST(copy, "the device reads and writes mapped memory")
{
	struct vfio *d = edu();
	char *mem = vfio_dma_map(d, IOVA, LEN);

	ASSERT(mem);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	memset(mem, 0x5a, 256);
	EXPECT(edu_dma(d, IOVA, EDU_BUFFER, 256, 0));
	EXPECT(edu_dma(d, EDU_BUFFER, IOVA + 0x1000, 256, EDU_TO_RAM));
	EXPECT_EQ(memcmp(mem, mem + 0x1000, 256), 0);
	EXPECT_EQ(vfio_dma_unmap(d, IOVA, LEN, mem), 0);
}

TEST(no_master, "without bus mastering nothing reaches memory")
{
	struct vfio *d = edu();
	char *mem = vfio_dma_map(d, IOVA, LEN);

	ASSERT(mem);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	memset(mem, 0x5a, 64);
	EXPECT(edu_dma(d, IOVA, EDU_BUFFER, 64, 0));
	cfg_command(d, 0, PCI_COMMAND_MASTER);
	edu_dma(d, EDU_BUFFER, IOVA + 0x1000, 64, EDU_TO_RAM);
	EXPECT_EQ(mem[0x1000], 0);
	EXPECT_EQ(vfio_dma_unmap(d, IOVA, LEN, mem), 0);
}

/* NVM Express: the admin queue brought up by hand, Identify Controller */
#define NVME_CC		0x14
#define NVME_CSTS	0x1c
#define NVME_AQA	0x24
#define NVME_ASQ	0x28
#define NVME_ACQ	0x30
#define NVME_SQ_TAIL	0x1000
#define NVME_CQ_HEAD	0x1004

TEST(nvme, "an nvme answers Identify by DMA and MSI-X")
{
	struct vfio *d = dut();
	const struct model *m = model_of(d);
	int efd = efd_new();
	uint32_t *mem;

	if (!m || strcmp(m->name, "nvme"))
		SKIP("not an nvme device");
	mem = vfio_dma_map(d, IOVA, 0x4000);
	ASSERT(mem);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_MSIX_IRQ_INDEX, 0, efd), 0);
	bar_write32(d, 0, NVME_CC, 0);
	ASSERT(WITHIN(1000, !(bar_read32(d, 0, NVME_CSTS) & 1)));
	bar_write32(d, 0, NVME_AQA, 0x000f000f);
	bar_write32(d, 0, NVME_ASQ, IOVA);
	bar_write32(d, 0, NVME_ASQ + 4, 0);
	bar_write32(d, 0, NVME_ACQ, IOVA + 0x1000);
	bar_write32(d, 0, NVME_ACQ + 4, 0);
	bar_write32(d, 0, NVME_CC, 0x00460001);
	ASSERT(WITHIN(1000, bar_read32(d, 0, NVME_CSTS) & 1));
	mem[0] = 0x00010006;			/* command id 1, Identify */
	mem[6] = IOVA + 0x2000;
	mem[10] = 1;				/* controller */
	bar_write32(d, 0, NVME_SQ_TAIL, 1);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(mem[0x1000 / 4 + 3], 0x00010001);	/* phase, id, no error */
	EXPECT_EQ(mem[0x2000 / 4] & 0xffff, cfg_read(d, PCI_VENDOR_ID, 2));
	bar_write32(d, 0, NVME_CQ_HEAD, 1);
	bar_write32(d, 0, NVME_CC, 0);
	WITHIN(1000, !(bar_read32(d, 0, NVME_CSTS) & 1));
	cfg_command(d, 0, PCI_COMMAND_MASTER);
	EXPECT_EQ(vfio_dma_unmap(d, IOVA, 0x4000, mem), 0);
	vfio_irq_off(d, VFIO_PCI_MSIX_IRQ_INDEX);
	close(efd);
}

TEST(twice, "an address is mapped once only, and unmapped gone")
{
	struct vfio *d = dut();
	char *mem = vfio_dma_map(d, IOVA, LEN);

	ASSERT(mem);
	EXPECT(!vfio_dma_map(d, IOVA, LEN) && errno == EEXIST);
	EXPECT_EQ(vfio_dma_unmap(d, IOVA, LEN, mem), 0);
	mem = vfio_dma_map(d, IOVA, LEN);
	ASSERT(mem);
	EXPECT_EQ(vfio_dma_unmap(d, IOVA, LEN, mem), 0);
}

/* What was unmapped, or a negative errno */
static long unmap(struct vfio *d, uint64_t iova, uint64_t len)
{
	struct vfio_iommu_type1_dma_unmap u = {
		.argsz = sizeof(u), .iova = iova, .size = len,
	};
	int ret = vfio_ioctl(d->container, VFIO_IOMMU_UNMAP_DMA, &u);

	return ret ? ret : (long)u.size;
}

TEST(part, "part of a mapping: v2 refuses to unmap it, v1 takes all of it or nothing")
{
	struct vfio *d = dut();
	char *mem;

	if (d->cdev)
		SKIP("opened without a container");
	mem = vfio_dma_map(d, IOVA, LEN);
	ASSERT(mem);
	if (args.v1) {
		EXPECT_EQ(unmap(d, IOVA + LEN / 2, LEN / 2), 0);
		EXPECT(!vfio_dma_map(d, IOVA, LEN) && errno == EEXIST);
		EXPECT_EQ(unmap(d, IOVA, LEN / 2), LEN);
	} else {
		EXPECT_EQ(unmap(d, IOVA + LEN / 2, LEN / 2), -EINVAL);
		EXPECT_EQ(unmap(d, IOVA, LEN / 2), -EINVAL);
		EXPECT_EQ(unmap(d, IOVA, LEN), LEN);
	}
	EXPECT_EQ(unmap(d, IOVA, LEN), 0);
	munmap(mem, LEN);
}
