(** The exponential in doubles.

    In words: for a double x with |x| <= 690 (the code needs -690 <= x <= 0), exp_nearly(x) differs from
    e^x by at most 2^-49 e^x, for every choice of the places where a product and a sum are fused.

    Relied on by: exp_nearly and kExpError (exponential.hpp), softmax_row of DoubleMidpoints. Page:
    exponential.md. The names follow the code. *)

From Coq Require Import Reals ZArith Lia Lra Psatz.
From Flocq Require Import Core Relative Plus_error Mult_error.
From Interval Require Import Tactic Float.Specific_stdz Float.Specific_ops.
From NumGeom Require Rounding Gamma.
(** Interval arithmetic on the integers of the standard library: no machine numbers to trust. *)
Module Floats := SpecificFloat StdZRadix2.
Module Plain := IntervalTactic Floats.
Import Plain.
Open Scope R_scope.

Local Instance precision_positive : Prec_gt_0 53 := eq_refl.

Notation fexp := (FLT_exp (-1074) 53).
Notation double := (generic_format radix2 fexp).
Notation pow2 e := (bpow radix2 e).
Notation RN := (round radix2 fexp ZnearestE).

Definition u : R := / 9007199254740992.

Lemma unit_value : pow2 (-53) = u.
Proof. reflexivity. Qed.

(** * The code *)

(** 0x1.71547652b82fep0, 0x1.62e42feep-1, 0x1.a39ef35793c76p-33, 0x1.8p52 *)
Definition kLog2E : R := 6497320848556798 / 4503599627370496.
Definition kLn2High : R := 2977044471 / 4294967296.
Definition kLn2Low : R := 7382048951581814 / 38685626227668133590597632.
Definition kRound : R := 6755399441055744.

(** a b + c and c - a b, contracted or not. *)
Definition mul_add (fused : bool) (a b c : R) : R := RN ((if fused then a * b else RN (a * b)) + c).
Definition mul_sub (fused : bool) (a b c : R) : R := RN (c - (if fused then a * b else RN (a * b))).

Definition integer (fused : bool) (x : R) : R := RN (mul_add fused x kLog2E kRound - kRound).

Definition reduced (fused fused' : bool) (x k : R) : R :=
  mul_sub fused' k kLn2Low (mul_sub fused k kLn2High x).

Definition horner (fused : nat -> bool) (r : R) : R :=
  let q13 := RN (1 / 6227020800) in
  let q12 := mul_add (fused 12%nat) q13 r (RN (1 / 479001600)) in
  let q11 := mul_add (fused 11%nat) q12 r (RN (1 / 39916800)) in
  let q10 := mul_add (fused 10%nat) q11 r (RN (1 / 3628800)) in
  let q9 := mul_add (fused 9%nat) q10 r (RN (1 / 362880)) in
  let q8 := mul_add (fused 8%nat) q9 r (RN (1 / 40320)) in
  let q7 := mul_add (fused 7%nat) q8 r (RN (1 / 5040)) in
  let q6 := mul_add (fused 6%nat) q7 r (RN (1 / 720)) in
  let q5 := mul_add (fused 5%nat) q6 r (RN (1 / 120)) in
  let q4 := mul_add (fused 4%nat) q5 r (RN (1 / 24)) in
  let q3 := mul_add (fused 3%nat) q4 r (RN (1 / 6)) in
  let q2 := mul_add (fused 2%nat) q3 r (1 / 2) in
  let q1 := mul_add (fused 1%nat) q2 r 1 in
  mul_add (fused 0%nat) q1 r 1.

(** The power of two is put together from bits: the exponent is in range, as is shown below. *)
Definition exp_nearly (fused : nat -> bool) (x : R) : R :=
  let k := integer (fused 15%nat) x in
  let r := reduced (fused 14%nat) (fused 13%nat) x k in
  RN (horner fused r * pow2 (Ztrunc k)).

(** * Roundings *)

(** 2^-1075 and less is nothing here. *)
Definition tiny : R := u * u.

Lemma rounding : forall z, Rabs (RN z - z) <= u * Rabs z + tiny.
Proof.
  intros z. destruct (Gamma.nearest_error (fun z => negb (Z.even z)) z) as (d & e & Hd & He & ->).
  rewrite unit_value in Hd.
  assert (He' : Rabs e <= tiny).
  { eapply Rle_trans; [exact He|]. unfold tiny. rewrite <- unit_value, <- bpow_plus.
    apply bpow_le. lia. }
  replace (z * (1 + d) + e - z) with (d * z + e) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
  apply Rplus_le_compat; [|exact He']. apply Rmult_le_compat_r; [apply Rabs_pos|exact Hd].
Qed.

Lemma small_unit : 0 < u <= / 9007199254740992.
Proof. unfold u. lra. Qed.

Lemma triangle : forall a b c x y, Rabs (a - b) <= x -> Rabs (b - c) <= y -> Rabs (a - c) <= x + y.
Proof.
  intros a b c x y H H'. replace (a - c) with ((a - b) + (b - c)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

Lemma size_of : forall a b x y, Rabs (a - b) <= x -> Rabs b <= y -> Rabs a <= y + x.
Proof.
  intros a b x y H H'. replace a with ((a - b) + b) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** A product, rounded or kept. *)
Lemma factor_error : forall (fused : bool) a b,
  Rabs ((if fused then a * b else RN (a * b)) - a * b) <= u * Rabs (a * b) + tiny.
Proof.
  intros [|] a b; [|apply rounding]. rewrite Rminus_diag_eq, Rabs_R0 by reflexivity.
  pose proof (Rabs_pos (a * b)). unfold tiny. pose proof small_unit. nra.
Qed.

(** * Lemma 1: reduction *)

Lemma integer_facts : forall fused x, -690 <= x <= 690 -> exists k : Z,
  integer fused x = IZR k /\ (-996 <= k <= 996)%Z /\ Rabs (x - IZR k * ln 2) <= 3466 / 10000.
Proof.
  intros fused x Hx.
  set (z := x * kLog2E). set (y := if fused then z else RN z).
  assert (Hz : -9955 / 10 <= z <= 9955 / 10).
  { unfold z, kLog2E. split; lra. }
  assert (Hy : Rabs (y - z) <= / 1000000000000).
  { eapply Rle_trans; [apply factor_error|]. fold z.
    assert (Rabs z <= 996) by (apply Rabs_le; lra). unfold tiny. pose proof small_unit. nra. }
  assert (Hy' : -9956 / 10 <= y <= 9956 / 10).
  { apply Rabs_le_inv in Hy. lra. }
  set (s := RN (y + kRound)).
  assert (P52 : pow2 52 = 4503599627370496) by reflexivity.
  assert (P53 : pow2 53 = 9007199254740992) by reflexivity.
  assert (Hs : Rabs (s - (y + kRound)) <= / 2).
  { unfold s. eapply Rle_trans; [apply error_le_half_ulp; auto with typeclass_instances|].
    rewrite ulp_neq_0 by (unfold kRound; lra).
    replace (cexp radix2 fexp (y + kRound)) with 0%Z; [simpl; lra|].
    unfold cexp. rewrite (mag_unique_pos radix2 (y + kRound) 53); [reflexivity|].
    change (53 - 1)%Z with 52%Z. rewrite P52, P53. unfold kRound. lra. }
  assert (Fs : double s) by apply Rounding.RN_double.
  assert (Ms : Rounding.multiple (52 - 52) s).
  { apply Rounding.double_multiple_above; [exact Fs|]. right. rewrite P52.
    apply Rabs_le_inv in Hs. rewrite Rabs_pos_eq; unfold kRound in *; lra. }
  destruct Ms as (n & Hn). simpl (pow2 (52 - 52)) in Hn. rewrite Rmult_1_r in Hn.
  set (k := (n - 6755399441055744)%Z).
  assert (Hk : s - kRound = IZR k) by (unfold k, kRound; rewrite minus_IZR, Hn; reflexivity).
  assert (Hky : Rabs (IZR k - y) <= / 2).
  { rewrite <- Hk. replace (s - kRound - y) with (s - (y + kRound)) by ring. exact Hs. }
  assert (Rk : (-997 < k < 997)%Z).
  { apply Rabs_le_inv in Hky. split; apply lt_IZR; lra. }
  exists k. split; [|split].
  - unfold integer, mul_add. change (RN (s - kRound) = IZR k). rewrite Hk. apply Rounding.RN_exact.
    rewrite <- (Rmult_1_r (IZR k)). change 1 with (pow2 0).
    apply Gamma.double_of_integer; lia.
  - lia.
  - replace (x - IZR k * ln 2)
      with (x * (1 - kLog2E * ln 2) - (y - z) * ln 2 - (IZR k - y) * ln 2) by (unfold z; ring).
    assert (L : Rabs (1 - kLog2E * ln 2) <= / 1000000000000000)
      by (unfold kLog2E; interval with (i_prec 100)).
    assert (L2 : 0 < ln 2 <= 6931472 / 10000000) by (split; interval with (i_prec 60)).
    assert (T1 : Rabs (x * (1 - kLog2E * ln 2)) <= 690 * / 1000000000000000).
    { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le; lra|exact L]. }
    assert (T2 : Rabs ((y - z) * ln 2) <= / 1000000000000 * 1).
    { rewrite Rabs_mult, (Rabs_pos_eq (ln 2)) by lra.
      apply Rmult_le_compat; try apply Rabs_pos; lra. }
    assert (T3 : Rabs ((IZR k - y) * ln 2) <= / 2 * (6931472 / 10000000)).
    { rewrite Rabs_mult, (Rabs_pos_eq (ln 2)) by lra.
      apply Rmult_le_compat; try apply Rabs_pos; lra. }
    apply Rabs_le_inv in T1. apply Rabs_le_inv in T2. apply Rabs_le_inv in T3.
    apply Rabs_le. lra.
Qed.

Lemma high_product_exact : forall k, (-996 <= k <= 996)%Z -> double (IZR k * kLn2High).
Proof.
  intros k Hk. replace (IZR k * kLn2High) with (IZR (k * 2977044471) * pow2 (-32)).
  - apply Gamma.double_of_integer; lia.
  - rewrite mult_IZR. unfold kLn2High. change (pow2 (-32)) with (/ 4294967296). field.
Qed.

Lemma reduced_error : forall fused fused' x k, (-996 <= k <= 996)%Z ->
  Rabs (x - IZR k * ln 2) <= 3466 / 10000 ->
  Rabs (reduced fused fused' x (IZR k) - (x - IZR k * ln 2)) <= 7 / 10 * u.
Proof.
  intros fused fused' x k Hk Ht. set (t := x - IZR k * ln 2) in *.
  pose proof small_unit as Hu.
  assert (HK : Rabs (IZR k) <= 996).
  { apply Rabs_le. split; [apply (IZR_le (-996))|apply (IZR_le _ 996)]; lia. }
  set (r1 := mul_sub fused (IZR k) kLn2High x).
  assert (E1 : r1 = RN (x - IZR k * kLn2High)).
  { unfold r1, mul_sub. rewrite (Rounding.RN_exact _ (high_product_exact k Hk)).
    destruct fused; reflexivity. }
  set (t1 := x - IZR k * kLn2High) in *.
  assert (A1 : Rabs (ln 2 - kLn2High) <= / 5000000000)
    by (unfold kLn2High; interval with (i_prec 80)).
  assert (A2 : Rabs (ln 2 - kLn2High - kLn2Low) <= u * / 4294967296)
    by (unfold kLn2High, kLn2Low, u; interval with (i_prec 140)).
  assert (A3 : Rabs kLn2Low <= / 5000000000) by (unfold kLn2Low; interval with (i_prec 80)).
  assert (B1 : Rabs (t1 - t) <= 996 * / 5000000000).
  { unfold t, t1. replace (x - IZR k * kLn2High - (x - IZR k * ln 2))
      with (IZR k * (ln 2 - kLn2High)) by ring.
    rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; assumption. }
  assert (S1 : Rabs t1 <= 34661 / 100000).
  { pose proof (size_of t1 t _ _ B1 Ht). lra. }
  assert (R1 : Rabs (r1 - t1) <= u * (34661 / 100000) + tiny).
  { rewrite E1. eapply Rle_trans; [apply rounding|].
    apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
  set (p := if fused' then IZR k * kLn2Low else RN (IZR k * kLn2Low)).
  assert (SP : Rabs (IZR k * kLn2Low) <= 996 * / 5000000000).
  { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; assumption. }
  assert (RP : Rabs (p - IZR k * kLn2Low) <= u * (996 * / 5000000000) + tiny).
  { eapply Rle_trans; [apply factor_error|]. apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
  assert (KE : Rabs (IZR k * (ln 2 - kLn2High - kLn2Low)) <= 996 * (u * / 4294967296)).
  { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; assumption. }
  assert (D : Rabs ((r1 - p) - t) <= u * (34661 / 100000) + tiny
              + (u * (996 * / 5000000000) + tiny) + 996 * (u * / 4294967296)).
  { replace ((r1 - p) - t)
      with ((r1 - t1) - (p - IZR k * kLn2Low) + IZR k * (ln 2 - kLn2High - kLn2Low))
      by (unfold t, t1; ring).
    apply Rabs_le_inv in R1. apply Rabs_le_inv in RP. apply Rabs_le_inv in KE.
    apply Rabs_le. lra. }
  assert (T : tiny <= u * / 1000000000) by (unfold tiny; apply Rmult_le_compat_l; lra).
  assert (S2 : Rabs (r1 - p) <= 3467 / 10000).
  { pose proof (size_of _ _ _ _ D Ht). lra. }
  assert (R2 : Rabs (RN (r1 - p) - (r1 - p)) <= u * (3467 / 10000) + tiny).
  { eapply Rle_trans; [apply rounding|]. apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
  unfold reduced. fold r1. unfold mul_sub. fold p.
  pose proof (triangle _ _ _ _ _ R2 D). lra.
Qed.

(** * Lemma 2: the polynomial *)

Definition rho : R := 3467 / 10000.

(** One step: E' in units of u from the error E of what is above and its size P. *)
Lemma horner_step : forall fused q p r c c' E P C,
  Rabs r <= rho -> Rabs (q - p) <= E * u -> Rabs p <= P -> Rabs (c' - c) <= C * u ->
  0 <= E <= 10 -> 0 <= P <= 2 -> 0 <= C <= 1 -> 0 <= c <= 1 ->
  Rabs (mul_add fused q r c' - (c + r * p)) <= (rho * E + 2 * (rho * P) + c + C + / 1000) * u /\
  Rabs (c + r * p) <= c + rho * P.
Proof.
  intros fused q p r c c' E P C Hr Hq Hp Hc HE HP HC Hc1.
  pose proof small_unit as Hu.
  assert (Hrho : 0 < rho < 1) by (unfold rho; lra).
  assert (EU : 0 <= E * u <= 10 * u) by (split; [apply Rmult_le_pos; lra|apply Rmult_le_compat_r; lra]).
  assert (RE : 0 <= rho * (E * u) <= 10 * u) by nra.
  assert (RP : 0 <= rho * P <= 2) by nra.
  assert (Spr : Rabs (r * p) <= rho * P).
  { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; assumption. }
  split.
  2: { eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_pos_eq c) by lra. lra. }
  assert (D1 : Rabs (q * r - r * p) <= rho * (E * u)).
  { replace (q * r - r * p) with (r * (q - p)) by ring.
    rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; assumption. }
  pose proof (size_of _ _ _ _ D1 Spr) as S1.
  set (z := if fused then q * r else RN (q * r)).
  assert (D2 : Rabs (z - q * r) <= u * (rho * P + rho * (E * u)) + tiny).
  { eapply Rle_trans; [apply factor_error|]. apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
  assert (T : tiny <= u * / 100000) by (unfold tiny; apply Rmult_le_compat_l; lra).
  assert (Q2 : u * (rho * (E * u)) <= u * / 100000) by (apply Rmult_le_compat_l; lra).
  set (D := rho * (E * u) + u * (rho * P) + C * u + 2 * (u * / 100000)).
  assert (D3 : Rabs ((z + c') - (c + r * p)) <= D).
  { replace ((z + c') - (c + r * p)) with ((z - q * r) + (q * r - r * p) + (c' - c)) by ring.
    apply Rabs_le_inv in D1. apply Rabs_le_inv in D2. apply Rabs_le_inv in Hc.
    apply Rabs_le. unfold D. lra. }
  assert (UP : 0 <= u * (rho * P) <= 2 * u) by nra.
  assert (UC : 0 <= C * u <= 1 * u) by (split; [apply Rmult_le_pos|apply Rmult_le_compat_r]; lra).
  assert (HD : 0 <= D <= 14 * u) by (unfold D; lra).
  assert (UD : u * D <= u * / 100000) by (apply Rmult_le_compat_l; lra).
  assert (S3 : Rabs (c + r * p) <= c + rho * P).
  { eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_pos_eq c) by lra. lra. }
  pose proof (size_of _ _ _ _ D3 S3) as S4.
  assert (D4 : Rabs (RN (z + c') - (z + c')) <= u * (c + rho * P + D) + tiny).
  { eapply Rle_trans; [apply rounding|]. apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
  unfold mul_add. fold z.
  pose proof (triangle _ _ _ _ _ D4 D3) as F.
  eapply Rle_trans; [exact F|]. unfold D in *. lra.
Qed.

(** Taylor's polynomial from the i-th term on, divided by r^i. *)
Definition p13 (r : R) : R := 1 / 6227020800.
Definition p12 (r : R) : R := 1 / 479001600 + r * p13 r.
Definition p11 (r : R) : R := 1 / 39916800 + r * p12 r.
Definition p10 (r : R) : R := 1 / 3628800 + r * p11 r.
Definition p9 (r : R) : R := 1 / 362880 + r * p10 r.
Definition p8 (r : R) : R := 1 / 40320 + r * p9 r.
Definition p7 (r : R) : R := 1 / 5040 + r * p8 r.
Definition p6 (r : R) : R := 1 / 720 + r * p7 r.
Definition p5 (r : R) : R := 1 / 120 + r * p6 r.
Definition p4 (r : R) : R := 1 / 24 + r * p5 r.
Definition p3 (r : R) : R := 1 / 6 + r * p4 r.
Definition p2 (r : R) : R := 1 / 2 + r * p3 r.
Definition p1 (r : R) : R := 1 + r * p2 r.
Definition taylor (r : R) : R := 1 + r * p1 r.

Lemma coefficient_error : forall c C, 0 <= c -> c + / 1000000 <= C -> Rabs (RN c - c) <= C * u.
Proof.
  intros c C Hc HC. eapply Rle_trans; [apply rounding|]. rewrite (Rabs_pos_eq c) by exact Hc.
  pose proof small_unit.
  assert (T : tiny <= u * / 1000000) by (unfold tiny; apply Rmult_le_compat_l; lra).
  nra.
Qed.

Lemma exact_coefficient : forall c, Rabs (c - c) <= 0 * u.
Proof. intros c. rewrite Rminus_diag_eq, Rabs_R0 by reflexivity. lra. Qed.

Lemma weaken : forall a b E E' P P', Rabs a <= E * u /\ Rabs b <= P -> E <= E' -> P <= P' ->
  Rabs a <= E' * u /\ Rabs b <= P'.
Proof. intros a b E E' P P' (H & H') HE HP. pose proof small_unit. split; nra. Qed.

(** Horner's form errs by at most 2.5 u. *)
Lemma horner_error : forall fused r, Rabs r <= rho ->
  Rabs (horner fused r - taylor r) <= 25 / 10 * u.
Proof.
  intros fused r Hr. unfold horner.
  set (q13 := RN (1 / 6227020800)).
  assert (H13 : Rabs (q13 - p13 r) <= / 1000 * u /\ Rabs (p13 r) <= / 1000000000).
  { unfold q13, p13. split; [apply coefficient_error; lra|]. rewrite Rabs_pos_eq; lra. }
  set (q12 := mul_add _ q13 r _).
  assert (H12 : Rabs (q12 - p12 r) <= 15 / 10000 * u /\ Rabs (p12 r) <= / 100000000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (/ 10000)); [exact Hr|apply H13|apply H13|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q11 := mul_add _ q12 r _).
  assert (H11 : Rabs (q11 - p11 r) <= 17 / 10000 * u /\ Rabs (p11 r) <= / 10000000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (/ 10000)); [exact Hr|apply H12|apply H12|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q10 := mul_add _ q11 r _).
  assert (H10 : Rabs (q10 - p10 r) <= 18 / 10000 * u /\ Rabs (p10 r) <= / 1000000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (/ 10000)); [exact Hr|apply H11|apply H11|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q9 := mul_add _ q10 r _).
  assert (H9 : Rabs (q9 - p9 r) <= 18 / 10000 * u /\ Rabs (p9 r) <= 4 / 1000000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (/ 10000)); [exact Hr|apply H10|apply H10|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q8 := mul_add _ q9 r _).
  assert (H8 : Rabs (q8 - p8 r) <= 2 / 1000 * u /\ Rabs (p8 r) <= 3 / 100000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (/ 10000)); [exact Hr|apply H9|apply H9|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q7 := mul_add _ q8 r _).
  assert (H7 : Rabs (q7 - p7 r) <= 22 / 10000 * u /\ Rabs (p7 r) <= 22 / 100000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (2 / 10000)); [exact Hr|apply H8|apply H8|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q6 := mul_add _ q7 r _).
  assert (H6 : Rabs (q6 - p6 r) <= 5 / 1000 * u /\ Rabs (p6 r) <= 15 / 10000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (14 / 10000)); [exact Hr|apply H7|apply H7|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q5 := mul_add _ q6 r _).
  assert (H5 : Rabs (q5 - p5 r) <= 21 / 1000 * u /\ Rabs (p5 r) <= 9 / 1000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (84 / 10000)); [exact Hr|apply H6|apply H6|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q4 := mul_add _ q5 r _).
  assert (H4 : Rabs (q4 - p4 r) <= / 10 * u /\ Rabs (p4 r) <= 45 / 1000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (42 / 1000)); [exact Hr|apply H5|apply H5|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q3 := mul_add _ q4 r _).
  assert (H3 : Rabs (q3 - p3 r) <= 41 / 100 * u /\ Rabs (p3 r) <= 183 / 1000).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ (167 / 1000)); [exact Hr|apply H4|apply H4|
      apply coefficient_error; lra|lra..]|unfold rho; lra..]. }
  set (q2 := mul_add _ q3 r _).
  assert (H2 : Rabs (q2 - p2 r) <= 78 / 100 * u /\ Rabs (p2 r) <= 57 / 100).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ 0); [exact Hr|apply H3|apply H3|
      apply exact_coefficient|lra..]|unfold rho; lra..]. }
  set (q1 := mul_add _ q2 r _).
  assert (H1 : Rabs (q1 - p1 r) <= 167 / 100 * u /\ Rabs (p1 r) <= 12 / 10).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ 0); [exact Hr|apply H2|apply H2|
      apply exact_coefficient|lra..]|unfold rho; lra..]. }
  assert (H0 : Rabs (mul_add (fused 0%nat) q1 r 1 - taylor r) <= 25 / 10 * u /\ Rabs (taylor r) <= 2).
  { eapply weaken; [eapply (horner_step _ _ _ _ _ _ _ _ 0); [exact Hr|apply H1|apply H1|
      apply exact_coefficient|lra..]|unfold rho; lra..]. }
  exact (proj1 H0).
Qed.

(** The remainder of Taylor's polynomial is below 2^-57. *)
Theorem taylor_remainder : forall r, Rabs r <= rho -> Rabs (taylor r - exp r) <= / 144115188075855872.
Proof.
  intros r Hr. apply Rabs_le_inv in Hr. unfold rho in Hr.
  unfold taylor, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13.
  interval with (i_taylor r, i_degree 16, i_prec 100, i_bisect r).
Qed.

(** * The theorem *)

Lemma power_of_two : forall k, pow2 k = exp (IZR k * ln 2).
Proof. intros k. rewrite bpow_exp. simpl (IZR radix2). reflexivity. Qed.

Theorem exp_nearly_units : forall fused x, -690 <= x <= 690 ->
  Rabs (exp_nearly fused x - exp x) <= 5 * u * exp x.
Proof.
  intros fused x Hx. pose proof small_unit as Hu.
  destruct (integer_facts (fused 15%nat) x Hx) as (k & Ek & Hk & Ht).
  unfold exp_nearly. rewrite Ek, Ztrunc_IZR.
  pose proof (reduced_error (fused 14%nat) (fused 13%nat) x k Hk Ht) as Er.
  set (r := reduced (fused 14%nat) (fused 13%nat) x (IZR k)) in *.
  set (t := x - IZR k * ln 2) in *.
  assert (Hr : Rabs r <= rho).
  { pose proof (size_of _ _ _ _ Er Ht). unfold rho. lra. }
  pose proof (horner_error fused r Hr) as Eh. set (q := horner fused r) in *.
  pose proof (taylor_remainder r Hr) as Et.
  assert (Le : 7 / 10 <= exp t).
  { apply Rabs_le_inv in Ht. interval with (i_prec 60). }
  assert (Ee : Rabs (exp r - exp t) <= 71 / 100 * u * exp t).
  { replace (exp r - exp t) with (exp t * (exp (r - t) - 1)).
    - rewrite Rabs_mult, (Rabs_pos_eq (exp t)) by lra. rewrite Rmult_comm.
      apply Rmult_le_compat_r; [lra|].
      set (d := r - t) in *. apply Rabs_le_inv in Er. unfold u in *.
      interval with (i_prec 120).
    - rewrite Rmult_minus_distr_l, <- exp_plus. replace (t + (r - t)) with r by ring. ring. }
  assert (E1 : Rabs (q - exp t) <= 5 * u * exp t).
  { pose proof (triangle _ _ _ _ _ (triangle _ _ _ _ _ Eh Et) Ee) as H.
    eapply Rle_trans; [exact H|].
    assert (R : / 144115188075855872 = u * / 16) by (unfold u; lra). rewrite R.
    assert (7 / 10 * u <= u * exp t) by (rewrite Rmult_comm; apply Rmult_le_compat_l; lra). lra. }
  assert (Fq : double q) by apply Rounding.RN_double.
  assert (Lq : / 2 <= q).
  { apply Rabs_le_inv in E1. assert (5 * u * exp t <= / 10 * exp t) by (apply Rmult_le_compat_r; lra).
    lra. }
  assert (Fp : double (q * pow2 k)).
  { apply mult_bpow_exact_FLT; [exact Fq|].
    assert (-1 < mag radix2 q)%Z; [|lia].
    apply (lt_bpow radix2). apply Rle_lt_trans with (Rabs q); [|apply bpow_mag_gt].
    rewrite Rabs_pos_eq by lra. exact Lq. }
  rewrite (Rounding.RN_exact _ Fp).
  assert (Ex : exp x = exp t * pow2 k).
  { rewrite power_of_two, <- exp_plus. f_equal. unfold t. ring. }
  rewrite Ex, <- Rmult_minus_distr_r, Rabs_mult, (Rabs_pos_eq (pow2 k)) by apply bpow_ge_0.
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [apply bpow_ge_0|exact E1].
Qed.

(** kExpError *)
Theorem exp_nearly_error : forall fused x, -690 <= x <= 690 ->
  Rabs (exp_nearly fused x - exp x) <= pow2 (-49) * exp x.
Proof.
  intros fused x Hx. eapply Rle_trans; [apply exp_nearly_units, Hx|].
  apply Rmult_le_compat_r; [apply Rlt_le, exp_pos|].
  replace (pow2 (-49)) with (16 * u) by (unfold u; simpl; lra). pose proof small_unit. lra.
Qed.

Theorem exp_nearly_positive : forall fused x, -690 <= x <= 690 -> / 2 * exp x <= exp_nearly fused x.
Proof.
  intros fused x Hx. pose proof (exp_nearly_units fused x Hx) as H. pose proof (exp_pos x).
  assert (5 * u * exp x <= / 2 * exp x) by (apply Rmult_le_compat_r; pose proof small_unit; lra).
  apply Rabs_le_inv in H. lra.
Qed.

(** The exponent fits the bits it is written to, and the result is a normal double. *)
Theorem exponent_in_range : forall fused x, -690 <= x <= 690 -> exists k : Z,
  integer fused x = IZR k /\ (0 < k + 1023 < 2047)%Z.
Proof.
  intros fused x Hx. destruct (integer_facts fused x Hx) as (k & Ek & Hk & _).
  exists k. split; [exact Ek|lia].
Qed.

(** The greatest term of a softmax is 1. *)
Theorem exp_nearly_zero : forall fused, exp_nearly fused 0 = 1.
Proof.
  intros fused.
  assert (N0 : RN 0 = 0) by (apply round_0; auto with typeclass_instances).
  assert (D1 : double 1).
  { change 1 with (pow2 0). apply Rounding.double_pow2. lia. }
  assert (DR : double kRound).
  { unfold kRound. replace 6755399441055744 with (IZR 6755399441055744 * pow2 0) by (simpl; ring).
    apply Gamma.double_of_integer; lia. }
  assert (Zero : forall (f : bool) b, (if f then 0 * b else RN (0 * b)) = 0).
  { intros [|] b; rewrite Rmult_0_l; [reflexivity|exact N0]. }
  assert (Zero' : forall (f : bool) a, (if f then a * 0 else RN (a * 0)) = 0).
  { intros [|] a; rewrite Rmult_0_r; [reflexivity|exact N0]. }
  assert (K : integer (fused 15%nat) 0 = 0).
  { unfold integer, mul_add. rewrite Zero, Rplus_0_l, (Rounding.RN_exact _ DR).
    rewrite Rminus_diag_eq by reflexivity. exact N0. }
  unfold exp_nearly. rewrite K. unfold reduced, mul_sub. rewrite Zero, Rminus_0_r, N0, Zero, Rminus_0_r, N0.
  unfold horner, mul_add at 1. rewrite Zero', Rplus_0_l, (Rounding.RN_exact _ D1).
  rewrite Ztrunc_IZR. simpl (pow2 0). rewrite Rmult_1_r. apply (Rounding.RN_exact _ D1).
Qed.
