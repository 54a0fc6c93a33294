// SPDX-License-Identifier: BSD-2-Clause
// The Verilated top behind card_pins.h. Nothing but pins is in here.
#include "card_pins.h"

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "Vvesper_top.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

struct card_model {
	VerilatedContext context;
	std::unique_ptr<Vvesper_top> top;
#if VM_TRACE
	std::unique_ptr<VerilatedFstC> trace;
#endif
};

namespace
{

constexpr uint64_t HALF_CYCLE_PS = 2000; // 250 MHz

void to_pins(VlWide<16> &pins, const uint8_t *bytes)
{
	memcpy(pins.data(), bytes, BEAT);
}

const uint8_t *from_pins(const VlWide<16> &pins)
{
	return reinterpret_cast<const uint8_t *>(pins.data());
}

void half_cycle(card_model *model, bool clk)
{
	model->top->clk = clk;
	model->top->eval();
#if VM_TRACE
	if (model->trace)
		model->trace->dump(model->context.time());
#endif
	model->context.timeInc(HALF_CYCLE_PS);
}

} // namespace

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "byte 0 is in bits 7:0 of word 0");

card_model *card_model_new(const char *trace, const char *firmware)
{
	try {
		auto model = std::make_unique<card_model>();
		const std::string image = std::string("+firmware=") + (firmware ? firmware : "");
		const char *args[] = { "vesper-sim", image.c_str() };

		model->context.commandArgs(firmware ? 2 : 1, args);
#if VM_TRACE
		model->context.traceEverOn(trace != nullptr);
#endif
		model->top = std::make_unique<Vvesper_top>(&model->context);
#if VM_TRACE
		if (trace) {
			model->trace = std::make_unique<VerilatedFstC>();
			model->top->trace(model->trace.get(), 99);
			model->trace->open(trace);
			if (!model->trace->isOpen())
				return nullptr;
		}
#else
		if (trace)
			return nullptr;
#endif
		return model.release();
	} catch (const std::bad_alloc &) {
		return nullptr;
	}
}

void card_model_free(card_model *model)
{
	if (!model)
		return;
	model->top->final();
#if VM_TRACE
	if (model->trace)
		model->trace->close();
#endif
	delete model;
}

bool card_model_traces(void)
{
	return VM_TRACE;
}

unsigned int card_model_vectors(void)
{
	return CARD_QUEUES + 1;
}

void card_model_settle(card_model *model, const card_inputs *in, card_outputs *out)
{
	Vvesper_top &t = *model->top;

	t.rst = in->rst;
	t.bus_master_en = in->bus_master_en;
	t.mac = in->mac;

	t.s_axil_awaddr = in->axil_addr;
	t.s_axil_awvalid = in->axil_awvalid;
	t.s_axil_wdata = in->axil_wdata;
	t.s_axil_wstrb = in->axil_wstrb;
	t.s_axil_wvalid = in->axil_wvalid;
	t.s_axil_bready = in->axil_bready;
	t.s_axil_araddr = in->axil_addr;
	t.s_axil_arvalid = in->axil_arvalid;
	t.s_axil_rready = in->axil_rready;

	t.m_axi_awready = in->awready;
	t.m_axi_wready = in->wready;
	t.m_axi_bvalid = in->bvalid;
	t.m_axi_bid = in->bid;
	t.m_axi_bresp = in->bresp;
	t.m_axi_arready = in->arready;
	t.m_axi_rvalid = in->rvalid;
	if (in->rvalid) {
		t.m_axi_rid = in->rid;
		t.m_axi_rresp = in->rresp;
		t.m_axi_rlast = in->rlast;
		to_pins(t.m_axi_rdata, in->rdata);
	}

	t.wire_rx_axis_tvalid = in->rx_tvalid;
	if (in->rx_tvalid) {
		t.wire_rx_axis_tlast = in->rx_tlast;
		t.wire_rx_axis_tuser = in->rx_tuser;
		t.wire_rx_axis_tkeep = in->rx_tkeep;
		to_pins(t.wire_rx_axis_tdata, in->rx_tdata);
	}
	t.wire_tx_axis_tready = in->tx_tready;
	t.msix_ready = in->msix_ready;

	half_cycle(model, false);

	out->idle = t.idle;
	out->axil_awready = t.s_axil_awready;
	out->axil_wready = t.s_axil_wready;
	out->axil_bvalid = t.s_axil_bvalid;
	out->axil_bresp = t.s_axil_bresp;
	out->axil_arready = t.s_axil_arready;
	out->axil_rvalid = t.s_axil_rvalid;
	out->axil_rresp = t.s_axil_rresp;
	out->axil_rdata = t.s_axil_rdata;

	out->awvalid = t.m_axi_awvalid;
	out->awid = t.m_axi_awid;
	out->awaddr = t.m_axi_awaddr;
	out->awlen = t.m_axi_awlen;
	out->wvalid = t.m_axi_wvalid;
	out->wlast = t.m_axi_wlast;
	out->wstrb = t.m_axi_wstrb;
	out->wdata = from_pins(t.m_axi_wdata);
	out->bready = t.m_axi_bready;
	out->arvalid = t.m_axi_arvalid;
	out->arid = t.m_axi_arid;
	out->araddr = t.m_axi_araddr;
	out->arlen = t.m_axi_arlen;
	out->rready = t.m_axi_rready;

	out->tx_tvalid = t.wire_tx_axis_tvalid;
	out->tx_tlast = t.wire_tx_axis_tlast;
	out->tx_tkeep = t.wire_tx_axis_tkeep;
	out->tx_tdata = from_pins(t.wire_tx_axis_tdata);
	out->rx_tready = t.wire_rx_axis_tready;
	out->msix_valid = t.msix_valid;
	out->msix_vector = t.msix_vector;
}

void card_model_edge(card_model *model)
{
	half_cycle(model, true);
}
