//! Promise: the emulator gives the integers of the codec's networks, bit for bit, and so do the specification's formulas.

mod networks;

use baler_codec::network::run_reference;
use baler_fpga::emulate::reference;
use baler_fpga::{Emulator, Lanes, Spec};

#[test]
fn the_emulator_equals_the_codec_s_networks() {
    for (name, network) in networks::all() {
        let spec = Spec::of_network(name, &network).unwrap();
        let n_rows = 203; // several whole blocks of lanes and a part of one
        let rows = networks::rows(network.n_in(), n_rows, 7);
        let wide: Vec<i32> = rows.iter().map(|&x| i32::from(x)).collect();
        let mut latents = vec![0; n_rows * network.n_out()];
        Emulator::new(&spec).unwrap().run(&mut Lanes::default(), &wide, &mut latents);
        for (at, row) in rows.chunks(network.n_in()).enumerate() {
            let expected: Vec<i16> =
                run_reference(&network, row).iter().map(|y| (*y).clamp(-32767, 32767) as i16).collect();
            assert_eq!(latents[at * network.n_out()..][..network.n_out()], expected, "{name}");
            assert_eq!(reference(&spec, &wide[at * network.n_in()..][..network.n_in()]), expected, "{name}");
        }
    }
}
