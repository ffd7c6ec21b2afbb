(** The checker at work: what is right is accepted, 30 trials at 8000 bits in a moment, and what was
    altered is not. Nothing relies on this file; it keeps ClaimChecker.v from being vacuous. *)

From Coq Require Import ZArith Bool List.
From NumGeom Require Import Verdict Dyadic ClaimChecker.
Import ListNotations.

(** Three trials with L* in [1, 2], [2.5, 3] and [2, 2.25]; the third diverged natively, the second
    has the computed loss 0.5. *)
Definition whole (m : Z) : dyadic := Dyadic m 0.
Definition quarters (m : Z) : dyadic := Dyadic m (-2).

Definition three_enclosures : list bounds :=
  [Bounds (Some (whole 1)) (Some (whole 2));
   Bounds (Some (quarters 10)) (Some (whole 3));
   Bounds (Some (whole 2)) (Some (quarters 9))].

Definition first_outcome := Outcome (Some (quarters 5)) (Some zero) (Some (quarters 3)).
Definition second_outcome := Outcome (Some (quarters 2)) (Some (whole 2)) (Some (quarters 10)).
Definition third_outcome := Outcome None None None.

Definition three_pairs := [PairClaim 0 1 Certified; PairClaim 0 2 Undecided; PairClaim 1 2 Refuted].
Definition three_flips := [FlipClaim 1 0; FlipClaim 1 2].

Definition three (es : list bounds) (ps : list pair_claim) (l : option (list nat))
    (os : list outcome) (set : list nat) (fs : list flip_claim) : claims :=
  Claims es ps l [Run os set fs].

Definition outcomes_of_three := [first_outcome; second_outcome; third_outcome].

Example accepted :
  check (three three_enclosures three_pairs None outcomes_of_three [0; 2] three_flips) = true.
Proof. vm_compute. reflexivity. Qed.

Example overlapping_pair :
  check (three three_enclosures [PairClaim 0 2 Certified] None outcomes_of_three [0; 2] []) = false.
Proof. vm_compute. reflexivity. Qed.

Example touching_order : (* hi(0) = lo(2): ascending, but not strictly for certain *)
  check (three three_enclosures [] (Some [0; 2; 1]) outcomes_of_three [0; 2] []) = false.
Proof. vm_compute. reflexivity. Qed.

Example minimiser_left_out :
  check (three three_enclosures [] None outcomes_of_three [0] []) = false.
Proof. vm_compute. reflexivity. Qed.

Example error_of_diverged_run :
  check (three three_enclosures [] None
    [first_outcome; second_outcome; Outcome None None (Some (whole 9))] [0; 2] []) = false.
Proof. vm_compute. reflexivity. Qed.

Example error_too_small :
  check (three three_enclosures [] None
    [Outcome (Some (quarters 5)) (Some zero) (Some (Dyadic 47 (-6))); second_outcome; third_outcome]
    [0; 2] []) = false.
Proof. vm_compute. reflexivity. Qed.

Example error_too_great :
  check (three three_enclosures [] None
    [first_outcome; Outcome (Some (quarters 2)) (Some (Dyadic 65 (-5))) (Some (quarters 10));
      third_outcome]
    [0; 2] []) = false.
Proof. vm_compute. reflexivity. Qed.

Example flip_the_other_way :
  check (three three_enclosures [] None outcomes_of_three [0; 2] [FlipClaim 0 1]) = false.
Proof. vm_compute. reflexivity. Qed.

Example diverged_run_is_no_winner :
  check (three three_enclosures [] None outcomes_of_three [0; 2] [FlipClaim 2 0]) = false.
Proof. vm_compute. reflexivity. Qed.

Example open_end_decides_nothing :
  check (three [Bounds None None; Bounds (Some (whole 1)) None; Bounds None (Some (whole 0))]
    [PairClaim 0 1 Undecided; PairClaim 1 2 Refuted; PairClaim 2 1 Certified] None
    [third_outcome; third_outcome; third_outcome] [0; 2] []) = true.
Proof. vm_compute. reflexivity. Qed.

(** Trial i has L* in [i + 2^-8000, i + 2^-7999] and the native loss i, all pairs are decided. *)
Definition bits : Z := 8000.
Definition at_bits (i : nat) (above : Z) : dyadic :=
  Dyadic (Z.shiftl (Z.of_nat i) bits + above) (- bits).

Definition many (n : nat) (claimed_error : Z) : claims :=
  Claims (map (fun i => Bounds (Some (at_bits i 1)) (Some (at_bits i 2))) (seq 0 n))
    (flat_map (fun i => map (fun j => PairClaim i j Certified) (seq (S i) (n - S i))) (seq 0 n))
    (Some (seq 0 n))
    [Run (map (fun i => Outcome (Some (Dyadic (Z.of_nat i) 0)) (Some (Dyadic 1 (- bits)))
                                (Some (Dyadic claimed_error (- bits)))) (seq 0 n)) [0] []].

Example thirty_accepted : check (many 30 2) = true.
Proof. vm_compute. reflexivity. Qed.

Example thirty_with_small_errors : check (many 30 1) = false.
Proof. vm_compute. reflexivity. Qed.
