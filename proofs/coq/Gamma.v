(** Rounding errors of sums of products, and the factors that turn computed bounds into bounds.

    In words: n factors 1 + d, |d| <= u, differ from 1 by at most gamma_n = n u/(1 - n u), which is at
    most the (n + 1) u that the code uses where n (n + 1) u <= 1. A sum of n products, computed in any
    order and with any of the products fused, errs by at most gamma_n times the sum of the sizes, and
    2 eta for each product, eta = 2^-1075 for doubles. A sum of products of nonnegative doubles times
    1 + (n + 8) 2^-52, as computed, is at least the exact sum.

    Relied on by: gamma (enclosing_arithmetic.cpp), sum_inflation and BoundMatrix (bound_matrix.cpp),
    Magnitude::inflate (magnitude.hpp). Page: matrix_products.md, lemmas 1 and 2. Overflow is not
    modelled, except that lemma 2 shows there is none. *)

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
  - intros _. change (INR 0) with 0. split; [constructor|]. split; [lra|]. split; [left; reflexivity|]. split; [lra|reflexivity].
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
  - apply generic_format_abs_inv. rewrite Rabs_mult, <- abs_IZR, E, (Rabs_pos_eq (pow2 e)) by apply bpow_ge_0.
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
  - rewrite two40. change (IZR (2 ^ 40)) with (pow2 40). rewrite <- bpow_plus. change 170%Z with (1 + (40 + 128) + 1)%Z.
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
