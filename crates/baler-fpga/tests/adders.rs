//! Promise: adder graphs are the network, for all inputs, and sharing makes them smaller within a known depth.

mod networks;

use baler_codec::network::run_reference;
use baler_fpga::netlist::Op;
use baler_fpga::{Spec, graph, prove};

#[test]
fn adder_graphs_are_proved_and_equal_the_network() {
    for (name, network) in networks::all() {
        let spec = Spec::of_network(name, &network).unwrap();
        let netlist = graph::unrolled(&spec).unwrap();
        let proof = prove(&spec, &netlist).unwrap();
        assert_eq!(proof.n_sums, spec.layers.iter().map(|layer| layer.n_out()).sum::<usize>());
        for row in networks::rows(network.n_in(), 50, 3).chunks(network.n_in()) {
            let wide: Vec<i64> = row.iter().map(|&x| i64::from(x)).collect();
            let expected: Vec<i64> =
                run_reference(&network, row).iter().map(|y| i64::from((*y).clamp(-32767, 32767))).collect();
            assert_eq!(netlist.run(&wide), expected, "{name}");
        }
    }
}

#[test]
fn a_graph_with_one_wrong_adder_is_not_proved() {
    let network = networks::dense(&[8, 6, 3], networks::RELU, 6, 0, 3);
    let spec = Spec::of_network("x", &network).unwrap();
    let netlist = graph::unrolled(&spec).unwrap();
    let mut wrong = netlist.clone();
    let add = wrong.nodes.iter().position(|node| matches!(node.op, Op::Add(_))).unwrap();
    let Op::Add([_, b]) = &mut wrong.nodes[add].op else { unreachable!() };
    b.negative = !b.negative;
    assert!(prove(&spec, &wrong).unwrap_err().to_string().contains("expected an adder graph"));
    let mut narrow = netlist;
    let last = *narrow.outputs().last().unwrap();
    narrow.nodes[last].range.high -= 1;
    assert!(prove(&spec, &narrow).unwrap_err().to_string().contains("its wire is made for"));
}

#[test]
fn sharing_saves_adders_within_a_level_of_separate_trees() {
    let network = networks::dense(&[16, 20, 10, 8], networks::RELU, 8, 0, 1);
    let spec = Spec::of_network("tiny", &network).unwrap();
    let netlist = graph::unrolled(&spec).unwrap();
    let (mut alone, mut depth) = (0, 0);
    for layer in &spec.layers {
        let terms = |row: usize| {
            let digits: usize = layer.row(row).iter().map(|&w| graph::digits::of(i64::from(w)).len()).sum();
            digits + usize::from(layer.bias[row] != 0)
        };
        alone += (0..layer.n_out()).map(|row| terms(row) - 1).sum::<usize>();
        let most = (0..layer.n_out()).map(terms).max().unwrap();
        depth += most.next_power_of_two().ilog2() + 2; // one level for sharing, one for the limit
    }
    println!("{} adders, {alone} without sharing; depth {} of {depth}", netlist.n_adders(), netlist.depth());
    assert!(netlist.n_adders() * 10 <= alone * 6, "{} of {alone}", netlist.n_adders());
    assert!(netlist.depth() <= depth, "{} of {depth}", netlist.depth());
}
