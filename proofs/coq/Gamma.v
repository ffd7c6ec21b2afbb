(** Rounding errors of sums of products, and the factors that turn computed bounds into bounds.

    In words: n factors 1 + d, |d| <= u, differ from 1 by at most gamma_n = n u/(1 - n u), which is at
    most the (n + 1) u that the code uses where n (n + 1) u <= 1. A sum of n products, computed in any
    order and with any of the products fused, errs by at most gamma_n times the sum of the sizes, and
    2 eta for each product, eta = 2^-1075 for doubles. A sum of products of nonnegative doubles times
    1 + (n + 8) 2^-52, as computed, is at least the exact sum. The radii of a product and of the update
    w - lr (g + omega w) hold what they should.

    Relied on by: gamma (enclosing_arithmetic.cpp), sum_inflation and BoundMatrix (bound_matrix.cpp),
    Magnitude::inflate (magnitude.hpp), DoubleMidpoints::descend and product_rounding
    (interval_arithmetic.cpp), the radii of EnclosingArithmetic's products. Page: matrix_products.md.
    Overflow is not modelled, except that lemma 2 shows there is none. *)

From Coq Require Import Reals ZArith Lia Lra List Psatz.
From Flocq Require Import Core Relative Plus_error.
Open Scope R_scope.

(** * Products of factors near 1 *)

Definition gamma_n (n : nat) (u : R) : R := INR n * u / (1 - INR n * u).

Fixpoint roundings (ds : list R) : R :=
  match ds with
  | nil => 1
  | d :: rest => (1 + d) * roundings rest
  end.

Lemma pow_above : forall u n, 0 <= u -> INR n * u < 1 -> (1 + u) ^ n * (1 - INR n * u) <= 1.
Proof.
  intros u n Hu. induction n as [|n IH]; intros Hn.
  - simpl. lra.
  - rewrite S_INR in *. simpl pow.
    assert (Hn0 : 0 <= INR n) by apply pos_INR.
    assert (Hn' : INR n * u < 1) by nra.
    specialize (IH Hn').
    assert (Hp : 0 < (1 + u) ^ n) by (apply pow_lt; lra).
    apply Rle_trans with ((1 + u) ^ n * (1 - INR n * u)); [|exact IH].
    replace ((1 + u) * (1 + u) ^ n * (1 - (INR n + 1) * u))
      with ((1 + u) ^ n * ((1 + u) * (1 - (INR n + 1) * u))) by ring.
    apply Rmult_le_compat_l; nra.
Qed.

Lemma pow_gamma : forall u n, 0 <= u -> INR n * u < 1 -> (1 + u) ^ n - 1 <= gamma_n n u.
Proof.
  intros u n Hu Hn. unfold gamma_n.
  apply Rmult_le_reg_r with (1 - INR n * u); [lra|].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra.
  pose proof (pow_above u n Hu Hn). lra.
Qed.

Lemma one_below_pow : forall u n, 0 <= u -> 1 <= (1 + u) ^ n.
Proof. intros u n Hu. apply pow_R1_Rle. lra. Qed.

Lemma pow_monotone : forall u m n, 0 <= u -> (m <= n)%nat -> (1 + u) ^ m <= (1 + u) ^ n.
Proof. intros u m n Hu Hmn. apply Rle_pow; [lra|exact Hmn]. Qed.

Lemma roundings_pow : forall u ds, 0 <= u -> Forall (fun d => Rabs d <= u) ds ->
  Rabs (roundings ds - 1) <= (1 + u) ^ length ds - 1.
Proof.
  intros u ds Hu H. induction H as [|d ds Hd _ IH]; simpl.
  - rewrite Rminus_diag_eq by reflexivity. rewrite Rabs_R0. lra.
  - pose proof (one_below_pow u (length ds) Hu) as H1.
    replace ((1 + d) * roundings ds - 1) with ((1 + d) * (roundings ds - 1) + d) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
    assert (Rabs (1 + d) <= 1 + u).
    { eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_R1. lra. }
    assert (Rabs (1 + d) * Rabs (roundings ds - 1) <= (1 + u) * ((1 + u) ^ length ds - 1)).
    { apply Rmult_le_compat; try apply Rabs_pos; assumption. }
    lra.
Qed.

(** n roundings: a relative error of at most gamma_n. *)
Theorem roundings_gamma : forall u ds, 0 <= u -> INR (length ds) * u < 1 ->
  Forall (fun d => Rabs d <= u) ds -> Rabs (roundings ds - 1) <= gamma_n (length ds) u.
Proof.
  intros u ds Hu Hn H.
  eapply Rle_trans; [apply roundings_pow; eassumption|]. apply pow_gamma; assumption.
Qed.

(** What [gamma] returns is a bound exactly where it checks that it is. *)
Theorem gamma_returned : forall n u, 0 <= u -> INR n * INR (S n) * u <= 1 ->
  INR n * u < 1 /\ gamma_n n u <= INR (S n) * u.
Proof.
  intros n u Hu H. rewrite S_INR in *.
  assert (Hn0 : 0 <= INR n) by apply pos_INR.
  assert (Hnu : INR n * u < 1).
  { destruct (Rlt_or_le (INR n * u) 1) as [Hlt|Hge]; [exact Hlt|].
    assert (INR n * (INR n * u) <= 0) by nra.
    assert (0 <= INR n * (INR n * u)) by nra.
    assert (INR n * (INR n * u) >= INR n) by nra.
    assert (INR n = 0) by lra. nra. }
  split; [exact Hnu|]. unfold gamma_n.
  apply Rmult_le_reg_r with (1 - INR n * u); [lra|].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. nra.
Qed.

Theorem gamma_returned_only_if : forall n u, 0 < u -> INR n * u < 1 ->
  gamma_n n u <= INR (S n) * u -> INR n * INR (S n) * u <= 1.
Proof.
  intros n u Hu Hn H. rewrite S_INR in *. unfold gamma_n in H.
  apply Rmult_le_compat_r with (r := 1 - INR n * u) in H; [|lra].
  unfold Rdiv in H. rewrite Rmult_assoc, Rinv_l in H by lra.
  apply Rmult_le_reg_l with u; [exact Hu|]. nra.
Qed.

(** * A sum of products in any order

    [Zero] is an accumulator before its first term, or a product with a factor zero: adding it is
    exact, and it is no term. *)

Inductive tree : Type :=
  | Zero : tree
  | Product : R -> R -> tree
  | Sum : tree -> tree -> tree
  | Fused : R -> R -> tree -> tree.

Fixpoint terms (t : tree) : nat :=
  match t with
  | Zero => 0
  | Product _ _ => 1
  | Sum l r => terms l + terms r
  | Fused _ _ r => S (terms r)
  end.

Fixpoint exact (t : tree) : R :=
  match t with
  | Zero => 0
  | Product a b => a * b
  | Sum l r => exact l + exact r
  | Fused a b r => a * b + exact r
  end.

(** The sum of the sizes of the terms. *)
Fixpoint sizes (t : tree) : R :=
  match t with
  | Zero => 0
  | Product a b => Rabs (a * b)
  | Sum l r => sizes l + sizes r
  | Fused a b r => Rabs (a * b) + sizes r
  end.

(** x may be computed for the tree: each operation with a relative error of at most u, and where a
    product is part of it an absolute one of at most eta. *)
Inductive computed (u eta : R) : tree -> R -> Prop :=
  | computed_zero : computed u eta Zero 0
  | computed_product : forall a b d e, Rabs d <= u -> Rabs e <= eta ->
      computed u eta (Product a b) (a * b * (1 + d) + e)
  | computed_sum : forall l r x y d, computed u eta l x -> computed u eta r y -> Rabs d <= u ->
      (x = 0 \/ y = 0 -> d = 0) -> computed u eta (Sum l r) ((x + y) * (1 + d))
  | computed_fused : forall a b r x d e, computed u eta r x -> Rabs d <= u -> Rabs e <= eta ->
      computed u eta (Fused a b r) ((a * b + x) * (1 + d) + e).

Lemma sizes_nonnegative : forall t, 0 <= sizes t.
Proof.
  induction t as [|a b|l IHl r IHr|a b r IHr]; simpl; try pose proof (Rabs_pos (a * b)); lra.
Qed.

Lemma exact_sizes : forall t, Rabs (exact t) <= sizes t.
Proof.
  induction t as [|a b|l IHl r IHr|a b r IHr]; simpl.
  - rewrite Rabs_R0. lra.
  - lra.
  - eapply Rle_trans; [apply Rabs_triang|]. lra.
  - eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

Lemma no_terms : forall u eta t x, computed u eta t x -> terms t = 0%nat ->
  x = 0 /\ exact t = 0 /\ sizes t = 0.
Proof.
  intros u eta t x H. induction H; simpl; intros Ht; try discriminate.
  - repeat split; reflexivity.
  - destruct IHcomputed1 as (-> & -> & ->); [lia|]. destruct IHcomputed2 as (-> & -> & ->); [lia|].
    repeat split; ring.
Qed.

Lemma plus_error_step : forall u x y d ex ey, Rabs d <= u ->
  Rabs ((x + y) * (1 + d) - (ex + ey)) <=
  (1 + u) * (Rabs (x - ex) + Rabs (y - ey)) + u * (Rabs ex + Rabs ey).
Proof.
  intros u x y d ex ey Hd.
  replace ((x + y) * (1 + d) - (ex + ey))
    with ((1 + d) * ((x - ex) + (y - ey)) + d * (ex + ey)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite 2!Rabs_mult.
  pose proof (Rabs_pos d).
  assert (Rabs (1 + d) <= 1 + u).
  { eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_R1. lra. }
  apply Rplus_le_compat; apply Rmult_le_compat; try apply Rabs_pos; try assumption;
    apply Rabs_triang.
Qed.

Lemma computed_error : forall u eta t x, 0 <= u -> 0 <= eta -> computed u eta t x ->
  Rabs (x - exact t) <= ((1 + u) ^ terms t - 1) * sizes t + INR (terms t) * eta * (1 + u) ^ terms t.
Proof.
  intros u eta t x Hu Heta H.
  induction H as [|a b d e Hd He|l r x y d Hl IHl Hr IHr Hd Hexact|a b r x d e Hr IHr Hd He].
  - simpl. rewrite Rminus_0_r, Rabs_R0. lra.
  - simpl. replace (a * b * (1 + d) + e - a * b) with (d * (a * b) + e) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
    pose proof (Rabs_pos (a * b)). nra.
  - destruct (Nat.eq_dec (terms l) 0) as [Zl|Zl].
    { destruct (no_terms _ _ _ _ Hl Zl) as (-> & El & Sl).
      rewrite (Hexact (or_introl eq_refl)). simpl. rewrite Zl, El, Sl.
      replace ((0 + y) * (1 + 0) - (0 + exact r)) with (y - exact r) by ring.
      rewrite Nat.add_0_l, Rplus_0_l. exact IHr. }
    destruct (Nat.eq_dec (terms r) 0) as [Zr|Zr].
    { destruct (no_terms _ _ _ _ Hr Zr) as (-> & Er & Sr).
      rewrite (Hexact (or_intror eq_refl)). simpl. rewrite Zr, Er, Sr.
      replace ((x + 0) * (1 + 0) - (exact l + 0)) with (x - exact l) by ring.
      rewrite Nat.add_0_r, Rplus_0_r. exact IHl. }
    simpl exact. simpl sizes. simpl terms.
    set (n := (terms l + terms r)%nat).
    assert (Pl : (1 + u) * (1 + u) ^ terms l <= (1 + u) ^ n).
    { change ((1 + u) ^ S (terms l) <= (1 + u) ^ n). apply pow_monotone; unfold n; lia || assumption. }
    assert (Pr : (1 + u) * (1 + u) ^ terms r <= (1 + u) ^ n).
    { change ((1 + u) ^ S (terms r) <= (1 + u) ^ n). apply pow_monotone; unfold n; lia || assumption. }
    assert (In : INR n = INR (terms l) + INR (terms r)) by (unfold n; apply plus_INR).
    pose proof (pos_INR (terms l)). pose proof (pos_INR (terms r)).
    pose proof (sizes_nonnegative l). pose proof (sizes_nonnegative r).
    pose proof (exact_sizes l). pose proof (exact_sizes r).
    eapply Rle_trans; [apply (plus_error_step u); exact Hd|].
    set (pl := (1 + u) ^ terms l) in *. set (pr := (1 + u) ^ terms r) in *.
    set (p := (1 + u) ^ n) in *.
    apply Rle_trans with
      ((1 + u) * (((pl - 1) * sizes l + INR (terms l) * eta * pl)
                  + ((pr - 1) * sizes r + INR (terms r) * eta * pr)) + u * (sizes l + sizes r)).
    { apply Rplus_le_compat; apply Rmult_le_compat_l; lra. }
    rewrite In.
    assert (sizes l * ((1 + u) * pl) <= sizes l * p) by (apply Rmult_le_compat_l; assumption).
    assert (sizes r * ((1 + u) * pr) <= sizes r * p) by (apply Rmult_le_compat_l; assumption).
    assert (INR (terms l) * eta * ((1 + u) * pl) <= INR (terms l) * eta * p)
      by (apply Rmult_le_compat_l; [apply Rmult_le_pos; assumption|assumption]).
    assert (INR (terms r) * eta * ((1 + u) * pr) <= INR (terms r) * eta * p)
      by (apply Rmult_le_compat_l; [apply Rmult_le_pos; assumption|assumption]).
    lra.
  - simpl exact. simpl sizes. simpl terms. rewrite S_INR. simpl pow.
    pose proof (one_below_pow u (terms r) Hu) as P1.
    pose proof (pos_INR (terms r)). pose proof (sizes_nonnegative r). pose proof (exact_sizes r).
    pose proof (Rabs_pos (a * b)).
    replace ((a * b + x) * (1 + d) + e - (a * b + exact r))
      with (((a * b + x) * (1 + d) - (a * b + exact r)) + e) by ring.
    eapply Rle_trans; [apply Rabs_triang|].
    pose proof (plus_error_step u (a * b) x d (a * b) (exact r) Hd) as Hs.
    rewrite (Rminus_diag_eq (a * b) (a * b) eq_refl), Rabs_R0, Rplus_0_l in Hs.
    set (p := (1 + u) ^ terms r) in *.
    assert ((1 + u) * Rabs (x - exact r) <=
            (1 + u) * ((p - 1) * sizes r + INR (terms r) * eta * p))
      by (apply Rmult_le_compat_l; lra).
    assert (u * (Rabs (a * b) + Rabs (exact r)) <= u * (Rabs (a * b) + sizes r))
      by (apply Rmult_le_compat_l; lra).
    assert (0 <= (p - 1) * Rabs (a * b)) by (apply Rmult_le_pos; lra).
    assert (0 <= u * ((p - 1) * Rabs (a * b))) by (apply Rmult_le_pos; assumption).
    assert (eta <= eta * ((1 + u) * p)).
    { rewrite <- (Rmult_1_r eta) at 1. apply Rmult_le_compat_l; [exact Heta|nra]. }
    lra.
Qed.

(** Lemma 1 of matrix_products.md; [2 * eta] is the 2^-1074 of the code for eta = 2^-1075. *)
Theorem sum_of_products : forall u eta t x, 0 <= u -> 0 <= eta ->
  INR (terms t) * INR (S (terms t)) * u <= 1 -> computed u eta t x ->
  Rabs (x - exact t) <= gamma_n (terms t) u * sizes t + INR (terms t) * (2 * eta) /\
  Rabs (x - exact t) <= INR (S (terms t)) * u * sizes t + INR (terms t) * (2 * eta).
Proof.
  intros u eta t x Hu Heta Hn H.
  destruct (gamma_returned _ _ Hu Hn) as (Hnu & Hg).
  pose proof (computed_error _ _ _ _ Hu Heta H) as He.
  pose proof (pow_gamma _ _ Hu Hnu) as Hp.
  pose proof (sizes_nonnegative t). pose proof (pos_INR (terms t)) as Hn0.
  assert (Hs : ((1 + u) ^ terms t - 1) * sizes t <= gamma_n (terms t) u * sizes t)
    by (apply Rmult_le_compat_r; assumption).
  assert (Hs' : gamma_n (terms t) u * sizes t <= INR (S (terms t)) * u * sizes t)
    by (apply Rmult_le_compat_r; assumption).
  assert (Ht : INR (terms t) * eta * (1 + u) ^ terms t <= INR (terms t) * (2 * eta)).
  { destruct (Nat.eq_dec (terms t) 0) as [Z|Z]; [rewrite Z; simpl; lra|].
    assert (1 <= INR (terms t)) by (apply (le_INR 1); lia).
    rewrite S_INR in Hn.
    assert (INR (terms t) * u <= / 2) by nra.
    pose proof (pow_above _ _ Hu Hnu).
    assert (0 < (1 + u) ^ terms t) by (apply pow_lt; lra).
    assert ((1 + u) ^ terms t <= 2) by nra.
    replace (INR (terms t) * (2 * eta)) with (INR (terms t) * eta * 2) by ring.
    apply Rmult_le_compat_l; [apply Rmult_le_pos; assumption|assumption]. }
  split; lra.
Qed.

(** * Doubles, and floating point with p bits *)

Notation double := (generic_format radix2 (FLT_exp (-1074) 53)).
Notation pow2 e := (bpow radix2 e).

Local Instance precision_positive : Prec_gt_0 53 := eq_refl.

Section Nearest.

(** Any way to break ties. *)
Variable choice : Z -> bool.

Notation RN := (round radix2 (FLT_exp (-1074) 53) (Znearest choice)).
Let u := pow2 (-53).
Let eta := pow2 (-1075).

Fixpoint in_doubles (t : tree) : R :=
  match t with
  | Zero => 0
  | Product a b => RN (a * b)
  | Sum l r => RN (in_doubles l + in_doubles r)
  | Fused a b r => RN (a * b + in_doubles r)
  end.

Lemma unit_value : / 2 * pow2 (-53 + 1) = pow2 (-53).
Proof. rewrite bpow_plus_1. simpl (IZR radix2). field. Qed.

Lemma eta_value : / 2 * pow2 (-1074) = pow2 (-1075).
Proof. change (-1074)%Z with (-1075 + 1)%Z. rewrite bpow_plus_1. simpl (IZR radix2). field. Qed.

Lemma in_doubles_double : forall t, double (in_doubles t).
Proof.
  destruct t; simpl; try (apply generic_format_round; typeclasses eauto).
  apply generic_format_0.
Qed.

Lemma nearest_above : forall x y, double x -> x <= y -> x <= RN y.
Proof. intros x y Fx Hxy. apply round_ge_generic; auto with typeclass_instances. Qed.

Lemma nearest_error : forall x, exists d e, Rabs d <= u /\ Rabs e <= eta /\ RN x = x * (1 + d) + e.
Proof.
  intros x. destruct (error_N_FLT radix2 (-1074) 53 eq_refl choice x) as (d & e & Hd & He & _ & H).
  exists d, e. unfold u, eta. rewrite <- unit_value, <- eta_value. repeat split; assumption.
Qed.

Lemma sum_error : forall x y, double x -> double y -> exists d, Rabs d <= u /\
  (x = 0 \/ y = 0 -> d = 0) /\ RN (x + y) = (x + y) * (1 + d).
Proof.
  intros x y Fx Fy.
  destruct (Req_EM_T x 0) as [Zx|Zx].
  { exists 0. rewrite Rabs_R0, Zx, Rplus_0_l, round_generic by (assumption || typeclasses eauto).
    split; [unfold u; apply bpow_ge_0|]. split; [reflexivity|ring]. }
  destruct (Req_EM_T y 0) as [Zy|Zy].
  { exists 0. rewrite Rabs_R0, Zy, Rplus_0_r, round_generic by (assumption || typeclasses eauto).
    split; [unfold u; apply bpow_ge_0|]. split; [reflexivity|ring]. }
  destruct (FLT_plus_error_N_ex radix2 (-1074) 53 choice x y Fx Fy) as (d & Hd & H).
  exists d. split; [|split; [intros [?|?]; contradiction|exact H]].
  eapply Rle_trans; [exact Hd|]. eapply Rle_trans; [apply u_rod1pu_ro_le_u_ro|].
  unfold u, u_ro. rewrite <- unit_value. apply Rle_refl.
Qed.

Theorem in_doubles_computed : forall t, computed (pow2 (-53)) (pow2 (-1075)) t (in_doubles t).
Proof.
  fold u eta. induction t as [|a b|l IHl r IHr|a b r IHr]; simpl.
  - constructor.
  - destruct (nearest_error (a * b)) as (d & e & Hd & He & ->). constructor; assumption.
  - destruct (sum_error _ _ (in_doubles_double l) (in_doubles_double r)) as (d & Hd & Hz & ->).
    constructor; assumption.
  - destruct (nearest_error (a * b + in_doubles r)) as (d & e & Hd & He & ->).
    constructor; assumption.
Qed.

(** Lemma 1 for doubles, with the constants of the code. *)
Theorem double_sum_of_products : forall t,
  INR (terms t) * INR (S (terms t)) * pow2 (-53) <= 1 ->
  Rabs (in_doubles t - exact t) <=
  INR (S (terms t)) * pow2 (-53) * sizes t + INR (terms t) * pow2 (-1074).
Proof.
  intros t Hn.
  destruct (sum_of_products _ _ _ _ (bpow_ge_0 _ _) (bpow_ge_0 _ _) Hn (in_doubles_computed t))
    as (_ & H).
  change (pow2 (-1074)) with (pow2 (-1075 + 1)). rewrite bpow_plus_1. simpl (IZR radix2). exact H.
Qed.

(** * Radii: lemma 2 *)

(** Where [x] is at least 2^-1022 or zero, its error is relative. *)
Lemma normal_error : forall x, x = 0 \/ pow2 (-1022) <= Rabs x ->
  exists d, Rabs d <= u /\ RN x = x * (1 + d).
Proof.
  intros x [->|Hx].
  - exists 0. rewrite Rabs_R0, round_0 by typeclasses eauto. split; [apply bpow_ge_0|ring].
  - destruct (relative_error_N_FLT_ex radix2 (-1074) 53 eq_refl choice x Hx) as (d & Hd & H).
    exists d. unfold u. rewrite <- unit_value. split; assumption.
Qed.

(** Factors of the products of bounds: the mantissas of a BoundMatrix. *)
Definition mantissa (x : R) : Prop := double x /\ (x = 0 \/ pow2 (-500) <= x <= pow2 64).

Fixpoint of_mantissas (t : tree) : Prop :=
  match t with
  | Zero => True
  | Product a b => mantissa a /\ mantissa b
  | Sum l r => of_mantissas l /\ of_mantissas r
  | Fused a b r => mantissa a /\ mantissa b /\ of_mantissas r
  end.

Lemma product_of_mantissas : forall a b, mantissa a -> mantissa b ->
  a * b = 0 \/ pow2 (-1000) <= a * b <= pow2 128.
Proof.
  intros a b (_ & [->|Ha]) (_ & [->|Hb]); try (left; ring). right.
  change (-1000)%Z with (-500 + -500)%Z. change 128%Z with (64 + 64)%Z. rewrite 2!bpow_plus.
  pose proof (bpow_ge_0 radix2 (-500)).
  split; apply Rmult_le_compat; lra.
Qed.

Lemma in_doubles_mantissas : forall t, of_mantissas t ->
  computed u 0 t (in_doubles t) /\ 0 <= in_doubles t /\
  (in_doubles t = 0 \/ pow2 (-1000) <= in_doubles t) /\
  0 <= exact t <= INR (terms t) * pow2 128 /\ sizes t = exact t.
Proof.
  assert (F1000 : double (pow2 (-1000))) by (apply generic_format_bpow; vm_compute; discriminate).
  assert (Small : pow2 (-1022) <= pow2 (-1000)) by (apply bpow_le; lia).
  assert (Pos : 0 < pow2 (-1000)) by apply bpow_gt_0.
  assert (P128 : 0 < pow2 128) by apply bpow_gt_0.
  assert (Z0 : Rabs 0 <= 0) by (rewrite Rabs_R0; lra).
  assert (Up : forall x, pow2 (-1000) <= x -> pow2 (-1000) <= RN x).
  { intros x Hx. apply nearest_above; assumption. }
  induction t as [|a b|l IHl r IHr|a b r IHr]; cbn [in_doubles exact terms sizes of_mantissas].
  - intros _. change (INR 0) with 0. split; [constructor|]. split; [lra|].
    split; [left; reflexivity|]. split; [lra|reflexivity].
  - intros (Ha & Hb). change (INR 1) with 1. destruct (product_of_mantissas a b Ha Hb) as [Z|Hab].
    + rewrite Z, round_0, Rabs_R0 by typeclasses eauto.
      split; [|split; [lra|split; [left; reflexivity|split; [lra|reflexivity]]]].
      replace 0 with (a * b * (1 + 0) + 0) at 2 by (rewrite Z; ring).
      constructor; [rewrite Rabs_R0; apply bpow_ge_0|exact Z0].
    + specialize (Up _ (proj1 Hab)).
      split; [|split; [lra|split; [right; exact Up|split; [lra|rewrite Rabs_pos_eq; lra]]]].
      destruct (normal_error (a * b)) as (d & Hd & ->); [right; rewrite Rabs_pos_eq; lra|].
      rewrite <- (Rplus_0_r (a * b * (1 + d))). constructor; assumption.
  - intros (Hl & Hr). rewrite plus_INR.
    destruct (IHl Hl) as (Cl & Nl & Ul & El & Sl). destruct (IHr Hr) as (Cr & Nr & Ur & Er & Sr).
    assert (U : RN (in_doubles l + in_doubles r) = 0 \/
                pow2 (-1000) <= RN (in_doubles l + in_doubles r)).
    { destruct Ul as [Zl|Ul]; [destruct Ur as [Zr|Ur]|].
      - left. rewrite Zl, Zr, Rplus_0_l. apply round_0. typeclasses eauto.
      - right. apply Up. lra.
      - right. apply Up. lra. }
    split; [|split; [lra|split; [exact U|split; lra]]].
    destruct (sum_error _ _ (in_doubles_double l) (in_doubles_double r)) as (d & Hd & Hz & ->).
    constructor; assumption.
  - intros (Ha & Hb & Hr). destruct (IHr Hr) as (Cr & Nr & Ur & Er & Sr).
    rewrite S_INR.
    destruct (product_of_mantissas a b Ha Hb) as [Z|Hab].
    + assert (Eq : RN (a * b + in_doubles r) = in_doubles r).
      { rewrite Z, Rplus_0_l. apply round_generic; [typeclasses eauto|apply in_doubles_double]. }
      rewrite Eq, Z, Rabs_R0. split; [|split; [lra|split; [exact Ur|split; lra]]].
      replace (in_doubles r) with ((a * b + in_doubles r) * (1 + 0) + 0) at 1 by (rewrite Z; ring).
      constructor; [exact Cr|rewrite Rabs_R0; apply bpow_ge_0|exact Z0].
    + assert (H : pow2 (-1000) <= RN (a * b + in_doubles r)) by (apply Up; lra).
      split; [|split; [lra|split; [right; exact H|split; [lra|rewrite Rabs_pos_eq; lra]]]].
      destruct (normal_error (a * b + in_doubles r)) as (d & Hd & ->);
        [right; rewrite Rabs_pos_eq; lra|].
      rewrite <- (Rplus_0_r ((a * b + in_doubles r) * (1 + d))). constructor; assumption.
Qed.

(** [sum_inflation], as it is computed. *)
Definition sum_inflation (n : Z) : R := RN (1 + RN (IZR (n + 8) * pow2 (-52))).

Lemma double_of_integer : forall m e, (Z.abs m <= 2 ^ 53)%Z -> (-1074 <= e)%Z ->
  double (IZR m * pow2 e).
Proof.
  intros m e Hm He.
  destruct (Z.eq_dec (Z.abs m) (2 ^ 53)) as [E|E].
  - apply generic_format_abs_inv.
    rewrite Rabs_mult, <- abs_IZR, E, (Rabs_pos_eq (pow2 e)) by apply bpow_ge_0.
    change (IZR (2 ^ 53)) with (pow2 53). rewrite <- bpow_plus.
    apply generic_format_bpow. unfold FLT_exp. lia.
  - apply generic_format_FLT. exists (Float radix2 m e); simpl; [reflexivity| |exact He]. lia.
Qed.

Theorem sum_inflation_exact : forall n, (0 <= n < 2 ^ 40)%Z ->
  sum_inflation n = 1 + IZR (n + 8) * pow2 (-52).
Proof.
  intros n Hn. unfold sum_inflation.
  rewrite (round_generic _ _ _ (IZR (n + 8) * pow2 (-52))).
  - apply round_generic; [typeclasses eauto|].
    replace (1 + IZR (n + 8) * pow2 (-52)) with (IZR (2 ^ 52 + (n + 8)) * pow2 (-52)).
    + apply double_of_integer; lia.
    + rewrite plus_IZR, Rmult_plus_distr_r. f_equal. change (IZR (2 ^ 52)) with (pow2 52).
      rewrite <- bpow_plus. reflexivity.
  - apply double_of_integer; lia.
Qed.

Lemma two40 : 2 ^ 40 = IZR (2 ^ 40).
Proof. exact (pow_IZR 2 40). Qed.

Lemma unit_half : u = / 2 * pow2 (-52).
Proof. unfold u. rewrite <- unit_value. reflexivity. Qed.

Lemma size_of_unit : 0 < u <= / 2 ^ 53.
Proof. unfold u. split; [apply bpow_gt_0|]. simpl; lra. Qed.

(** Lemma 2 of matrix_products.md: n may count more terms than there are. *)
Theorem inflated_sum : forall t n, of_mantissas t -> (Z.of_nat (terms t) <= n < 2 ^ 40)%Z ->
  exact t <= RN (in_doubles t * sum_inflation n).
Proof.
  intros t n Ht Hn. rewrite sum_inflation_exact by lia.
  destruct (in_doubles_mantissas t Ht) as (C & N & U & E & S).
  pose proof size_of_unit as Hu.
  assert (U52 : pow2 (-52) = 2 * u) by (rewrite unit_half; field).
  set (k := INR (terms t)).
  assert (Hk : 0 <= k) by apply pos_INR.
  assert (Hkn : k <= IZR n) by (unfold k; rewrite INR_IZR_INZ; apply IZR_le; lia).
  assert (Hn40 : IZR n <= 2 ^ 40) by (rewrite two40; apply IZR_le; lia).
  assert (Hku : k * u <= / 2 ^ 13).
  { apply Rle_trans with (2 ^ 40 * / 2 ^ 53); [apply Rmult_le_compat; lra|]. simpl; lra. }
  assert (Hsmall : / 2 ^ 13 <= / 8) by (simpl; lra).
  set (x := in_doubles t) in *.
  assert (Herr : Rabs (x - exact t) <= ((1 + u) ^ terms t - 1) * exact t).
  { pose proof (computed_error u 0 t x (Rlt_le _ _ (proj1 Hu)) (Rle_refl 0) C) as H.
    rewrite S in H. lra. }
  assert (Hlow : exact t * (1 - 2 * k * u) <= x * (1 - k * u)).
  { assert (Hp : (1 + u) ^ terms t * (1 - k * u) <= 1) by (apply pow_above; fold k; lra).
    apply Rabs_le_inv in Herr.
    assert (exact t * (2 - (1 + u) ^ terms t) <= x) by lra.
    assert (exact t * (2 - (1 + u) ^ terms t) * (1 - k * u) <= x * (1 - k * u))
      by (apply Rmult_le_compat_r; lra).
    assert (exact t * ((1 + u) ^ terms t * (1 - k * u)) <= exact t * 1)
      by (apply Rmult_le_compat_l; lra).
    lra. }
  assert (Hup : exact t <= x * (1 + 2 * k * u)).
  { apply Rmult_le_reg_r with (1 - 2 * k * u); [lra|].
    eapply Rle_trans; [exact Hlow|]. rewrite Rmult_assoc. apply Rmult_le_compat_l; [exact N|].
    assert (0 <= (k * u) * (1 - 4 * (k * u))) by (apply Rmult_le_pos; [apply Rmult_le_pos|]; lra).
    lra. }
  set (f := 1 + IZR (n + 8) * pow2 (-52)).
  assert (Hf : f = 1 + 2 * IZR n * u + 16 * u) by (unfold f; rewrite plus_IZR, U52; ring).
  assert (HN : 0 <= IZR n) by lra.
  assert (Hf1 : 1 <= f).
  { rewrite Hf. assert (0 <= IZR n * u) by (apply Rmult_le_pos; lra). lra. }
  destruct (normal_error (x * f)) as (d & Hd & ->).
  { destruct U as [->|U]; [left; ring|right].
    rewrite Rabs_pos_eq by (apply Rmult_le_pos; lra).
    apply Rle_trans with (pow2 (-1000)); [apply bpow_le; lia|].
    rewrite <- (Rmult_1_r (pow2 (-1000))). pose proof (bpow_ge_0 radix2 (-1000)).
    apply Rmult_le_compat; lra. }
  apply Rabs_le_inv in Hd.
  eapply Rle_trans; [exact Hup|]. replace (x * f * (1 + d)) with (x * (f * (1 + d))) by ring.
  apply Rmult_le_compat_l; [exact N|].
  apply Rle_trans with (f * (1 - u)); [|apply Rmult_le_compat_l; lra].
  rewrite Hf.
  assert (k * u <= IZR n * u) by (apply Rmult_le_compat_r; lra).
  assert (Hnu : IZR n * u <= / 2 ^ 13).
  { apply Rle_trans with (2 ^ 40 * / 2 ^ 53); [apply Rmult_le_compat; lra|]. simpl; lra. }
  assert (u * (IZR n * u) <= u * / 8) by (apply Rmult_le_compat_l; lra).
  assert (u * u <= u * / 2 ^ 53) by (apply Rmult_le_compat_l; lra).
  assert (u * / 2 ^ 53 <= u * / 16) by (apply Rmult_le_compat_l; [lra|simpl; lra]).
  lra.
Qed.

(** Nothing overflows on the way: every partial sum is a tree of its own. *)
Theorem no_overflow : forall t n, of_mantissas t -> (Z.of_nat (terms t) <= n < 2 ^ 40)%Z ->
  0 <= in_doubles t * sum_inflation n <= pow2 170.
Proof.
  intros t n Ht Hn. rewrite sum_inflation_exact by lia.
  destruct (in_doubles_mantissas t Ht) as (C & N & U & E & S).
  pose proof size_of_unit as Hu.
  set (k := INR (terms t)) in *.
  assert (Hk : 0 <= k) by apply pos_INR.
  assert (Hk40 : k <= 2 ^ 40).
  { unfold k. rewrite INR_IZR_INZ. rewrite two40. apply IZR_le. lia. }
  assert (Hku : k * u <= / 2).
  { apply Rle_trans with (2 ^ 40 * / 2 ^ 53); [apply Rmult_le_compat; lra|]. simpl; lra. }
  set (x := in_doubles t) in *.
  assert (Hx : x <= 2 * exact t).
  { pose proof (computed_error u 0 t x (Rlt_le _ _ (proj1 Hu)) (Rle_refl 0) C) as H.
    rewrite S in H. apply Rabs_le_inv in H.
    assert (Hp : (1 + u) ^ terms t * (1 - k * u) <= 1) by (apply pow_above; fold k; lra).
    assert (P : 0 < (1 + u) ^ terms t) by (apply pow_lt; lra).
    assert ((1 + u) ^ terms t <= 2) by nra.
    assert (((1 + u) ^ terms t - 1) * exact t <= 1 * exact t) by (apply Rmult_le_compat_r; lra).
    lra. }
  assert (Hf : 0 <= IZR (n + 8) * pow2 (-52) <= 1).
  { split; [apply Rmult_le_pos; [apply IZR_le; lia|apply bpow_ge_0]|].
    apply Rle_trans with (IZR (2 ^ 52) * pow2 (-52)).
    - apply Rmult_le_compat_r; [apply bpow_ge_0|apply IZR_le; lia].
    - change (IZR (2 ^ 52)) with (pow2 52). rewrite <- bpow_plus. simpl; lra. }
  split; [apply Rmult_le_pos; lra|].
  assert (E' : exact t <= 2 ^ 40 * pow2 128).
  { eapply Rle_trans; [apply E|]. apply Rmult_le_compat_r; [apply bpow_ge_0|exact Hk40]. }
  apply Rle_trans with ((2 * (2 ^ 40 * pow2 128)) * 2).
  - apply Rmult_le_compat; lra.
  - rewrite two40. change (IZR (2 ^ 40)) with (pow2 40). rewrite <- bpow_plus.
    change 170%Z with (1 + (40 + 128) + 1)%Z.
    rewrite (bpow_plus _ _ 1), (bpow_plus _ 1). simpl (pow2 1). lra.
Qed.

(** Magnitude::inflate: an operation to nearest and one more product are made good by 1 + 2^-51. *)
Theorem magnitude_inflate : forall x, pow2 (-1021) <= x -> x <= RN (RN x * (1 + pow2 (-51))).
Proof.
  intros x Hx. pose proof size_of_unit as Hu.
  assert (U51 : pow2 (-51) = 4 * u).
  { change (-51)%Z with (-53 + 1 + 1)%Z. rewrite 2!bpow_plus_1. unfold u. simpl (IZR radix2). ring. }
  assert (P : 0 < pow2 (-1021)) by apply bpow_gt_0.
  assert (L : pow2 (-1022) <= pow2 (-1021)) by (apply bpow_le; lia).
  assert (Up : pow2 (-1021) <= RN x).
  { apply nearest_above; [|exact Hx]. apply generic_format_bpow. vm_compute. discriminate. }
  destruct (normal_error x) as (d & Hd & H); [right; rewrite Rabs_pos_eq; lra|].
  rewrite U51.
  destruct (normal_error (RN x * (1 + 4 * u))) as (d' & Hd' & ->).
  { right. rewrite Rabs_pos_eq by (apply Rmult_le_pos; lra).
    apply Rle_trans with (pow2 (-1021) * 1); [lra|apply Rmult_le_compat; lra]. }
  rewrite H. apply Rabs_le_inv in Hd. apply Rabs_le_inv in Hd'.
  assert (U16 : u <= / 16) by (eapply Rle_trans; [apply Hu|simpl; lra]).
  rewrite <- (Rmult_1_r x) at 1. rewrite 2!Rmult_assoc. apply Rmult_le_compat_l; [lra|].
  apply Rle_trans with ((1 - u) * ((1 + 4 * u) * (1 - u))).
  - assert (0 <= u * (2 - 7 * u)) by (apply Rmult_le_pos; lra).
    assert (0 <= 4 * (u * u) * u) by (repeat apply Rmult_le_pos; lra). lra.
  - apply Rmult_le_compat; try lra; [apply Rmult_le_pos; lra|apply Rmult_le_compat_l; lra].
Qed.

(** * The radius of a product

    An entry of A B: each factor lies within its radius of its midpoint, and the tree is the sum of the
    products of the midpoints. *)

(** Members x1, x2, midpoints m1, m2 and radii r1, r2. *)
Record pair : Type := { x1 : R; m1 : R; r1 : R; x2 : R; m2 : R; r2 : R }.

Definition enclosed (x : pair) : Prop :=
  Rabs (x1 x - m1 x) <= r1 x /\ Rabs (x2 x - m2 x) <= r2 x.

Definition total (f : pair -> R) (l : list pair) : R := fold_right (fun x s => f x + s) 0 l.

Theorem product_radius : forall l t, Forall enclosed l ->
  exact t = total (fun x => m1 x * m2 x) l ->
  sizes t = total (fun x => Rabs (m1 x * m2 x)) l ->
  INR (terms t) * INR (S (terms t)) * pow2 (-53) <= 1 ->
  Rabs (total (fun x => x1 x * x2 x) l - in_doubles t) <=
  total (fun x => Rabs (m1 x) * (r2 x + INR (S (terms t)) * pow2 (-53) * Rabs (m2 x))) l
  + total (fun x => r1 x * (Rabs (m2 x) + r2 x)) l + INR (terms t) * pow2 (-1074).
Proof.
  intros l t H E Z Hn. pose proof (double_sum_of_products t Hn) as D. rewrite E, Z in D.
  set (g := INR (S (terms t)) * pow2 (-53)) in *. clearbody g.
  assert (P : Rabs (total (fun x => x1 x * x2 x) l - total (fun x => m1 x * m2 x) l) <=
              total (fun x => Rabs (m1 x) * r2 x) l
              + total (fun x => r1 x * (Rabs (m2 x) + r2 x)) l).
  { clear -H. unfold total. induction H as [|x l (Ha & Hb) _ IH]; simpl in *.
    - rewrite Rminus_0_r, Rabs_R0. lra.
    - match goal with |- Rabs (_ + ?s - (_ + ?s')) <= _ => set (f := s) in *; set (f' := s') in * end.
      replace (x1 x * x2 x + f - (m1 x * m2 x + f'))
        with ((m1 x * (x2 x - m2 x) + (x1 x - m1 x) * x2 x) + (f - f')) by ring.
      eapply Rle_trans; [apply Rabs_triang|].
      assert (T1 : Rabs (m1 x * (x2 x - m2 x)) <= Rabs (m1 x) * r2 x).
      { rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|exact Hb]. }
      assert (T2 : Rabs ((x1 x - m1 x) * x2 x) <= r1 x * (Rabs (m2 x) + r2 x)).
      { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact Ha|].
        replace (x2 x) with (m2 x + (x2 x - m2 x)) by ring.
        eapply Rle_trans; [apply Rabs_triang|]. lra. }
      pose proof (Rabs_triang (m1 x * (x2 x - m2 x)) ((x1 x - m1 x) * x2 x)). lra. }
  assert (Q : total (fun x => Rabs (m1 x) * (r2 x + g * Rabs (m2 x))) l =
              total (fun x => Rabs (m1 x) * r2 x) l + g * total (fun x => Rabs (m1 x * m2 x)) l).
  { clear. unfold total. induction l as [|x l IH]; simpl; [ring|]. rewrite IH, Rabs_mult. ring. }
  rewrite Q.
  replace (total (fun x => x1 x * x2 x) l - in_doubles t)
    with ((total (fun x => x1 x * x2 x) l - total (fun x => m1 x * m2 x) l)
          - (in_doubles t - total (fun x => m1 x * m2 x) l)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. lra.
Qed.

(** * The update: lemma 3 *)

Lemma result_error : forall x, Rabs (RN x - x) <= u * Rabs (RN x) + eta.
Proof.
  intros x.
  pose proof (error_le_half_ulp_round radix2 (FLT_exp (-1074) 53) choice x) as H.
  assert (P : 0 <= u) by apply bpow_ge_0. assert (Q : 0 <= eta) by apply bpow_ge_0.
  destruct (Rlt_or_le (Rabs (RN x)) (pow2 (-1022))) as [Small|Normal].
  - rewrite ulp_FLT_small in H; [|reflexivity|].
    + pose proof (Rabs_pos (RN x)). unfold eta. rewrite <- eta_value.
      assert (0 <= u * Rabs (RN x)) by (apply Rmult_le_pos; assumption). lra.
    + eapply Rlt_le_trans; [exact Small|]. apply bpow_le. lia.
  - pose proof (ulp_FLT_le radix2 (-1074) 53 (RN x) Normal) as U.
    assert (E : u = / 2 * pow2 (1 - 53)) by (unfold u; rewrite <- unit_value; reflexivity).
    rewrite E. lra.
Qed.

Lemma sum_result_error : forall x y, double x -> double y ->
  Rabs (RN (x + y) - (x + y)) <= u * Rabs (RN (x + y)).
Proof.
  intros x y Fx Fy.
  destruct (FLT_plus_error_N_round_ex radix2 (-1074) 53 choice x y Fx Fy) as (d & Hd & H).
  rewrite H at 2. replace (RN (x + y) - RN (x + y) * (1 + d)) with (- d * RN (x + y)) by ring.
  rewrite Rabs_mult, Rabs_Ropp. apply Rmult_le_compat_r; [apply Rabs_pos|].
  unfold u. rewrite <- unit_value. exact Hd.
Qed.

(** Roundings of sums of sizes from below. *)
Lemma size_below : forall x, 0 <= x -> (1 - u) * x - eta <= RN x.
Proof.
  intros x Hx. destruct (nearest_error x) as (d & e & Hd & He & ->).
  apply Rabs_le_inv in Hd. apply Rabs_le_inv in He. nra.
Qed.

Lemma size_sum_below : forall x y, double x -> double y -> 0 <= x -> 0 <= y ->
  (1 - u) * (x + y) <= RN (x + y).
Proof.
  intros x y Fx Fy Hx Hy. destruct (sum_error x y Fx Fy) as (d & Hd & _ & ->).
  apply Rabs_le_inv in Hd. nra.
Qed.

Lemma RN_double : forall x, double (RN x).
Proof. intros x. apply generic_format_round; auto with typeclass_instances. Qed.

Lemma RN_nonnegative : forall x, 0 <= x -> 0 <= RN x.
Proof. intros x Hx. apply nearest_above; [apply generic_format_0|exact Hx]. Qed.

(** [product_rounding]: the bound on a product that was rounded once; kUnitUp is 0x1.0000000001p-53. *)
Theorem product_rounding : forall (fused : bool) a b,
  let p := RN (a * b) in
  let unit_up := pow2 (-53) * (1 + pow2 (-40)) in
  Rabs (p - a * b) <=
  RN ((if fused then Rabs p * unit_up else RN (Rabs p * unit_up)) + pow2 (-1073)).
Proof.
  intros fused a b p unit_up. eapply Rle_trans; [apply result_error|]. fold p.
  pose proof size_of_unit as Hu. assert (Q : 0 < eta) by apply bpow_gt_0.
  assert (Small : u <= / 1000000) by (eapply Rle_trans; [apply Hu|simpl; lra]).
  assert (E : pow2 (-1073) = 4 * eta).
  { change (-1073)%Z with (2 + -1075)%Z. rewrite bpow_plus. reflexivity. }
  assert (K : unit_up = u * (1 + 8192 * u)).
  { unfold unit_up. change (-40)%Z with (13 + -53)%Z. rewrite bpow_plus. reflexivity. }
  pose proof (Rabs_pos p) as Pp. set (x := Rabs p) in *.
  assert (Ux : 0 <= u * x) by (apply Rmult_le_pos; lra).
  assert (Uux : 0 <= u * (u * x)) by (apply Rmult_le_pos; lra).
  assert (U3 : u * (u * (u * x)) <= / 1000000 * (u * (u * x))) by (apply Rmult_le_compat_r; lra).
  assert (U4 : 0 <= u * (u * (u * (u * x)))).
  { apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; lra. }
  assert (Ue : u * eta <= / 1000000 * eta) by (apply Rmult_le_compat_r; lra).
  rewrite E, K. replace (x * (u * (1 + 8192 * u))) with (u * x + 8192 * (u * (u * x))) by ring.
  set (y := u * x + 8192 * (u * (u * x))). assert (Ny : 0 <= y) by (unfold y; lra).
  destruct fused.
  - pose proof (size_below (y + 4 * eta) ltac:(lra)) as B. unfold y in *. lra.
  - pose proof (size_below y Ny) as B. pose proof (RN_nonnegative y Ny) as N.
    assert (F : double (4 * eta)).
    { rewrite <- E. apply generic_format_bpow. vm_compute. discriminate. }
    pose proof (size_sum_below (RN y) (4 * eta) (RN_double y) F N ltac:(lra)) as B'.
    assert (G : (1 - u) * ((1 - u) * y - eta + 4 * eta) <= (1 - u) * (RN y + 4 * eta))
      by (apply Rmult_le_compat_l; lra).
    unfold y in *. lra.
Qed.

(** [descend]: r = w - lr (omega w + g), each product and sum rounded or fused, and its radius. *)
Section Descend.

Variables omega lr w g : R.
Variables f1 f2 f3 f4 : bool.
Hypothesis Fw : double w.
Hypothesis Fg : double g.
Hypothesis Flr : double lr.

Let p := RN (omega * w).
Let t := RN ((if f1 then omega * w else p) + g).
Let q := RN (lr * t).
Let r := RN (w - (if f2 then lr * t else q)).

Let size := Rabs lr.
Let sizes_1 := RN (Rabs p + Rabs t).
Let sizes_2 := RN ((if f3 then sizes_1 * size else RN (sizes_1 * size)) + Rabs q).
Let sizes_3 := RN (sizes_2 + Rabs r).
(** kUnitUp *)
Let unit_up := pow2 (-53) * (1 + pow2 (-48)).
Let underflow := RN (pow2 (-1060) * Rmax 1 size).
Let radius := RN ((if f4 then sizes_3 * unit_up else RN (sizes_3 * unit_up)) + underflow).

Lemma descend_rounding : Rabs (r - (w - lr * (g + omega * w))) <=
  u * ((Rabs p + Rabs t) * size + Rabs q + Rabs r) + (size + 1) * eta.
Proof.
  assert (P : 0 <= u) by apply bpow_ge_0. assert (Q : 0 <= eta) by apply bpow_ge_0.
  assert (Hs : 0 <= size) by apply Rabs_pos.
  pose proof (Rabs_pos p) as Pp. pose proof (Rabs_pos q) as Pq.
  assert (Fp : double p) by apply RN_double. assert (Fq : double q) by apply RN_double.
  assert (T : Rabs (t - (omega * w + g)) <= u * (Rabs p + Rabs t) + eta).
  { unfold t. destruct f1.
    - pose proof (result_error (omega * w + g)).
      assert (0 <= u * Rabs p) by (apply Rmult_le_pos; assumption). lra.
    - pose proof (sum_result_error p g Fp Fg) as E1. pose proof (result_error (omega * w)) as E2.
      fold p in E2.
      replace (RN (p + g) - (omega * w + g))
        with ((RN (p + g) - (p + g)) + (p - omega * w)) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. lra. }
  assert (R' : Rabs (r - (w - lr * t)) <= u * (Rabs q + Rabs r) + eta).
  { unfold r. destruct f2.
    - pose proof (result_error (w - lr * t)).
      assert (0 <= u * Rabs q) by (apply Rmult_le_pos; assumption). lra.
    - pose proof (sum_result_error w (- q) Fw (generic_format_opp _ _ _ Fq)) as E1.
      pose proof (result_error (lr * t)) as E2. fold q in E2.
      change (w + - q) with (w - q) in E1.
      replace (RN (w - q) - (w - lr * t)) with ((RN (w - q) - (w - q)) - (q - lr * t)) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. lra. }
  replace (r - (w - lr * (g + omega * w)))
    with ((r - (w - lr * t)) - lr * (t - (omega * w + g))) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp, Rabs_mult. fold size.
  assert (size * Rabs (t - (omega * w + g)) <= size * (u * (Rabs p + Rabs t) + eta))
    by (apply Rmult_le_compat_l; assumption).
  lra.
Qed.

Theorem descend_radius : Rabs (r - (w - lr * (g + omega * w))) <= radius.
Proof.
  eapply Rle_trans; [apply descend_rounding|].
  pose proof size_of_unit as Hu. assert (Q : 0 < eta) by apply bpow_gt_0.
  assert (Hs : 0 <= size) by apply Rabs_pos.
  assert (U48 : pow2 (-48) = 32 * u).
  { change (-48)%Z with (5 + -53)%Z. rewrite bpow_plus. reflexivity. }
  assert (U1060 : pow2 (-1060) = 32768 * eta).
  { change (-1060)%Z with (15 + -1075)%Z. rewrite bpow_plus. reflexivity. }
  assert (Small : u <= / 1000000) by (eapply Rle_trans; [apply Hu|simpl; lra]).
  pose proof (Rabs_pos p) as Pp. pose proof (Rabs_pos t) as Pt.
  pose proof (Rabs_pos q) as Pq. pose proof (Rabs_pos r) as Pr.
  assert (Fp : double (Rabs p)) by apply generic_format_abs, RN_double.
  assert (Ft : double (Rabs t)) by apply generic_format_abs, RN_double.
  assert (Fq : double (Rabs q)) by apply generic_format_abs, RN_double.
  assert (Fr : double (Rabs r)) by apply generic_format_abs, RN_double.
  assert (S1 : (1 - u) * (Rabs p + Rabs t) <= sizes_1) by (apply size_sum_below; assumption).
  assert (N1 : 0 <= sizes_1) by (apply RN_nonnegative; lra).
  assert (N1s : 0 <= sizes_1 * size) by (apply Rmult_le_pos; assumption).
  assert (S2 : (1 - u) * ((1 - u) * (sizes_1 * size) - eta + Rabs q) - eta <= sizes_2).
  { unfold sizes_2. destruct f3.
    - pose proof (size_below (sizes_1 * size + Rabs q) ltac:(lra)).
      assert (0 <= (1 - u) * (u * (sizes_1 * size) + eta))
        by (apply Rmult_le_pos; [lra|apply Rplus_le_le_0_compat; [apply Rmult_le_pos|]; lra]).
      lra.
    - pose proof (size_below _ N1s) as B. pose proof (RN_nonnegative _ N1s) as B'.
      pose proof (size_sum_below _ _ (RN_double (sizes_1 * size)) Fq B' Pq).
      assert ((1 - u) * ((1 - u) * (sizes_1 * size) - eta + Rabs q) <=
              (1 - u) * (RN (sizes_1 * size) + Rabs q)) by (apply Rmult_le_compat_l; lra).
      lra. }
  assert (F2 : double sizes_2) by apply RN_double.
  assert (N2 : 0 <= sizes_2).
  { apply RN_nonnegative. pose proof (RN_nonnegative _ N1s). destruct f3; lra. }
  assert (S3 : (1 - u) * (sizes_2 + Rabs r) <= sizes_3) by (apply size_sum_below; assumption).
  assert (N3 : 0 <= sizes_3) by (apply RN_nonnegative; lra).
  set (Z := (Rabs p + Rabs t) * size + Rabs q + Rabs r).
  assert (NZ : 0 <= (Rabs p + Rabs t) * size) by (apply Rmult_le_pos; lra).
  (* Up to four roundings and what underflows, the sizes are not too small. *)
  assert (S1' : (1 - u) * ((Rabs p + Rabs t) * size) <= sizes_1 * size).
  { rewrite <- Rmult_assoc. apply Rmult_le_compat_r; assumption. }
  assert (LZ : (1 - 4 * u) * Z - 2 * eta <= sizes_3).
  { set (A := (Rabs p + Rabs t) * size) in *.
    assert (UA : 0 <= u * A) by (apply Rmult_le_pos; lra).
    assert (UQ : 0 <= u * Rabs q) by (apply Rmult_le_pos; lra).
    assert (UR : 0 <= u * Rabs r) by (apply Rmult_le_pos; lra).
    assert (UE : 0 <= u * eta) by (apply Rmult_le_pos; lra).
    assert (UUA : 0 <= u * (u * A)) by (apply Rmult_le_pos; lra).
    assert (UUQ : 0 <= u * (u * Rabs q)) by (apply Rmult_le_pos; lra).
    assert (G1 : (1 - 2 * u) * A <= (1 - u) * (sizes_1 * size)).
    { apply Rle_trans with ((1 - u) * ((1 - u) * A)); [lra|apply Rmult_le_compat_l; lra]. }
    assert (G2 : (1 - 3 * u) * (A + Rabs q) - 2 * eta <= sizes_2).
    { eapply Rle_trans; [|exact S2].
      apply Rle_trans with ((1 - u) * ((1 - 2 * u) * A - eta + Rabs q) - eta); [lra|].
      apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
    eapply Rle_trans; [|exact S3].
    apply Rle_trans with ((1 - u) * ((1 - 3 * u) * (A + Rabs q) - 2 * eta + Rabs r));
      [unfold Z; lra|apply Rmult_le_compat_l; lra]. }
  assert (NZ' : 0 <= Z) by (unfold Z; lra).
  assert (UZ : 0 <= u * Z) by (apply Rmult_le_pos; lra).
  assert (Hk : unit_up = u * (1 + 32 * u)) by (unfold unit_up; rewrite U48; reflexivity).
  assert (Kpos : 0 <= unit_up <= 1).
  { rewrite Hk. split; [apply Rmult_le_pos; lra|].
    assert (u * (32 * u) <= u * 1) by (apply Rmult_le_compat_l; lra). lra. }
  assert (NK : 0 <= sizes_3 * unit_up) by (apply Rmult_le_pos; lra).
  set (M := Rmax 1 size) in *.
  assert (HM : 1 <= M /\ size <= M) by (split; [apply Rmax_l|apply Rmax_r]).
  assert (Hunder : 32766 * eta * M <= underflow).
  { unfold underflow. rewrite U1060.
    assert (EM : eta * 1 <= eta * M) by (apply Rmult_le_compat_l; lra).
    pose proof (size_below (32768 * eta * M)) as B.
    assert (NB : 0 <= 32768 * eta * M) by (apply Rmult_le_pos; lra). specialize (B NB).
    assert (u * (32768 * eta * M) <= / 1000000 * (32768 * eta * M))
      by (apply Rmult_le_compat_r; lra). lra. }
  assert (EM : eta * 1 <= eta * M) by (apply Rmult_le_compat_l; lra).
  assert (Nu : 0 <= underflow) by lra.
  assert (Out : (1 - u) * ((1 - u) * (sizes_3 * unit_up) - eta + underflow) - eta <= radius).
  { unfold radius. destruct f4.
    - pose proof (size_below (sizes_3 * unit_up + underflow) ltac:(lra)).
      assert (0 <= (1 - u) * (u * (sizes_3 * unit_up) + eta))
        by (apply Rmult_le_pos; [lra|apply Rplus_le_le_0_compat; [apply Rmult_le_pos|]; lra]).
      lra.
    - pose proof (size_below _ NK) as B. pose proof (RN_nonnegative _ NK) as B'.
      assert (Fu : double underflow) by apply RN_double.
      pose proof (size_sum_below _ _ (RN_double (sizes_3 * unit_up)) Fu B' Nu).
      assert ((1 - u) * ((1 - u) * (sizes_3 * unit_up) - eta + underflow) <=
              (1 - u) * (RN (sizes_3 * unit_up) + underflow)) by (apply Rmult_le_compat_l; lra).
      lra. }
  eapply Rle_trans; [|exact Out].
  assert (LK : u * Z + 20 * (u * (u * Z)) - eta <= sizes_3 * unit_up).
  { apply Rle_trans with (((1 - 4 * u) * Z - 2 * eta) * unit_up);
      [|apply Rmult_le_compat_r; [apply Kpos|exact LZ]].
    rewrite Hk.
    assert (E1 : u * (u * (u * Z)) <= / 1000000 * (u * (u * Z)))
      by (apply Rmult_le_compat_r; [apply Rmult_le_pos|]; lra).
    assert (E0 : 0 <= u * (u * Z)) by (apply Rmult_le_pos; lra).
    assert (E2 : u * eta <= / 1000000 * eta) by (apply Rmult_le_compat_r; lra).
    assert (E3 : u * (u * eta) <= / 1000000 * (u * eta))
      by (apply Rmult_le_compat_r; [apply Rmult_le_pos|]; lra).
    lra. }
  assert (E0 : 0 <= u * (u * Z)) by (apply Rmult_le_pos; lra).
  assert (E1 : u * (u * (u * Z)) <= / 1000000 * (u * (u * Z))) by (apply Rmult_le_compat_r; lra).
  assert (E2 : u * eta <= / 1000000 * eta) by (apply Rmult_le_compat_r; lra).
  assert (E3 : 0 <= u * eta) by (apply Rmult_le_pos; lra).
  assert (Low : u * Z - 3 * eta + 32766 * eta * M - 32767 * (u * (eta * M)) <=
    (1 - u) * ((1 - u) * (sizes_3 * unit_up) - eta + underflow) - eta).
  { assert (G : (1 - u) * (u * Z + 20 * (u * (u * Z)) - eta) - eta + 32766 * eta * M <=
               (1 - u) * (sizes_3 * unit_up) - eta + underflow).
    { apply Rplus_le_compat; [apply Rplus_le_compat_r, Rmult_le_compat_l; lra|exact Hunder]. }
    apply Rmult_le_compat_l with (r := 1 - u) in G; [|lra].
    assert (E4 : 0 <= u * (eta * M)) by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; lra]).
    assert (E5 : 0 <= u * (u * (u * Z))) by (apply Rmult_le_pos; lra).
    assert (E6 : 0 <= u * (u * (u * (u * Z)))) by (apply Rmult_le_pos; lra).
    assert (E7 : u * (u * eta) <= / 1000000 * (u * eta)) by (apply Rmult_le_compat_r; lra).
    lra. }
  assert (E4 : u * (eta * M) <= / 1000000 * (eta * M))
    by (apply Rmult_le_compat_r; [apply Rmult_le_pos|]; lra).
  assert (E5 : eta * size <= eta * M) by (apply Rmult_le_compat_l; lra).
  fold Z. lra.
Qed.

End Descend.

(** Balls: p bits without underflow (the exponents that `normalise` keeps are far inside MPFR's). *)
Section Bits.

Variable p : Z.
Hypothesis positive : (0 < p)%Z.
Notation RNp := (round radix2 (FLX_exp p) (Znearest choice)).
Instance p_positive : Prec_gt_0 p := positive.

Fixpoint in_bits (t : tree) : R :=
  match t with
  | Zero => 0
  | Product a b => RNp (a * b)
  | Sum l r => RNp (in_bits l + in_bits r)
  | Fused a b r => RNp (a * b + in_bits r)
  end.

Lemma in_bits_format : forall t, generic_format radix2 (FLX_exp p) (in_bits t).
Proof.
  destruct t; simpl; try (apply generic_format_round; typeclasses eauto).
  apply generic_format_0.
Qed.

Lemma bits_error : forall x, exists d, Rabs d <= pow2 (-p) /\ RNp x = x * (1 + d).
Proof.
  intros x. destruct (relative_error_N_FLX_ex radix2 p positive choice x) as (d & Hd & H).
  exists d. split; [|exact H]. rewrite bpow_plus_1 in Hd. simpl (IZR radix2) in Hd. lra.
Qed.

Theorem in_bits_computed : forall t, computed (pow2 (-p)) 0 t (in_bits t).
Proof.
  assert (Z0 : Rabs 0 <= 0) by (rewrite Rabs_R0; lra).
  induction t as [|a b|l IHl r IHr|a b r IHr]; simpl.
  - constructor.
  - destruct (bits_error (a * b)) as (d & Hd & ->).
    rewrite <- (Rplus_0_r (a * b * (1 + d))). constructor; assumption.
  - assert (H : exists d, Rabs d <= pow2 (-p) /\ (in_bits l = 0 \/ in_bits r = 0 -> d = 0) /\
                RNp (in_bits l + in_bits r) = (in_bits l + in_bits r) * (1 + d)).
    { destruct (Req_EM_T (in_bits l) 0) as [Zl|Zl]; [|destruct (Req_EM_T (in_bits r) 0) as [Zr|Zr]].
      - exists 0. rewrite Rabs_R0, Zl, Rplus_0_l, round_generic
          by (apply in_bits_format || typeclasses eauto).
        split; [apply bpow_ge_0|]. split; [reflexivity|ring].
      - exists 0. rewrite Rabs_R0, Zr, Rplus_0_r, round_generic
          by (apply in_bits_format || typeclasses eauto).
        split; [apply bpow_ge_0|]. split; [reflexivity|ring].
      - destruct (bits_error (in_bits l + in_bits r)) as (d & Hd & H). exists d.
        split; [exact Hd|]. split; [intros [?|?]; contradiction|exact H]. }
    destruct H as (d & Hd & Hz & ->). constructor; assumption.
  - destruct (bits_error (a * b + in_bits r)) as (d & Hd & ->).
    rewrite <- (Rplus_0_r ((a * b + in_bits r) * (1 + d))). constructor; assumption.
Qed.

Theorem bits_sum_of_products : forall t, INR (terms t) * INR (S (terms t)) * pow2 (-p) <= 1 ->
  Rabs (in_bits t - exact t) <= INR (S (terms t)) * pow2 (-p) * sizes t.
Proof.
  intros t Hn.
  destruct (sum_of_products _ _ _ _ (bpow_ge_0 _ _) (Rle_refl 0) Hn (in_bits_computed t)) as (_ & H).
  lra.
Qed.

End Bits.

End Nearest.
