(** Exact dyadic numbers m 2^e: comparison, subtraction, absolute value. All integer arithmetic, so
    that it can be computed here and mirrored line by line elsewhere.

    Relied on by ClaimChecker.v and what mirrors it. *)

From Coq Require Import ZArith Reals Lra Lia Bool.
From Flocq Require Import Core.
Local Open Scope Z_scope.

Record dyadic := Dyadic { mantissa : Z; exponent : Z }.

Definition value (x : dyadic) : R := (IZR (mantissa x) * bpow radix2 (exponent x))%R.

(** The mantissa that x has at an exponent not above its own. *)
Definition aligned (x : dyadic) (e : Z) : Z := Z.shiftl (mantissa x) (exponent x - e).

Definition common_exponent (x y : dyadic) : Z := Z.min (exponent x) (exponent y).

Definition less (x y : dyadic) : bool :=
  let e := common_exponent x y in aligned x e <? aligned y e.

Definition less_equal (x y : dyadic) : bool :=
  let e := common_exponent x y in aligned x e <=? aligned y e.

Definition subtract (x y : dyadic) : dyadic :=
  let e := common_exponent x y in Dyadic (aligned x e - aligned y e) e.

Definition absolute (x : dyadic) : dyadic := Dyadic (Z.abs (mantissa x)) (exponent x).

Definition zero : dyadic := Dyadic 0 0.

(** |x - y|. *)
Definition distance (x y : dyadic) : dyadic := absolute (subtract x y).

Lemma aligned_value x e : e <= exponent x -> value x = (IZR (aligned x e) * bpow radix2 e)%R.
Proof.
  intros He. unfold value, aligned.
  rewrite Z.shiftl_mul_pow2 by lia.
  rewrite mult_IZR, Rmult_assoc. f_equal.
  change 2 with (radix_val radix2). rewrite IZR_Zpower by lia.
  rewrite <- bpow_plus. f_equal. lia.
Qed.

Lemma common_exponent_left x y : common_exponent x y <= exponent x.
Proof. apply Z.le_min_l. Qed.

Lemma common_exponent_right x y : common_exponent x y <= exponent y.
Proof. apply Z.le_min_r. Qed.

Theorem less_correct x y : less x y = true <-> (value x < value y)%R.
Proof.
  unfold less. set (e := common_exponent x y). cbv zeta.
  rewrite (aligned_value x e), (aligned_value y e)
    by (apply common_exponent_left || apply common_exponent_right).
  rewrite Z.ltb_lt. pose proof (bpow_gt_0 radix2 e) as Hp. split; intros H.
  - apply Rmult_lt_compat_r; [exact Hp | now apply IZR_lt].
  - apply lt_IZR. now apply Rmult_lt_reg_r with (bpow radix2 e).
Qed.

Theorem less_equal_correct x y : less_equal x y = true <-> (value x <= value y)%R.
Proof.
  unfold less_equal. set (e := common_exponent x y). cbv zeta.
  rewrite (aligned_value x e), (aligned_value y e)
    by (apply common_exponent_left || apply common_exponent_right).
  rewrite Z.leb_le. pose proof (bpow_gt_0 radix2 e) as Hp. split; intros H.
  - apply Rmult_le_compat_r; [lra | now apply IZR_le].
  - apply le_IZR. now apply Rmult_le_reg_r with (bpow radix2 e).
Qed.

Theorem subtract_correct x y : value (subtract x y) = (value x - value y)%R.
Proof.
  unfold subtract. set (e := common_exponent x y). cbv zeta.
  rewrite (aligned_value x e), (aligned_value y e)
    by (apply common_exponent_left || apply common_exponent_right).
  unfold value. simpl. rewrite minus_IZR. ring.
Qed.

Lemma absolute_correct x : value (absolute x) = Rabs (value x).
Proof.
  unfold value, absolute. simpl. rewrite abs_IZR, Rabs_mult. f_equal.
  symmetry. apply Rabs_pos_eq, bpow_ge_0.
Qed.

Theorem distance_correct x y : value (distance x y) = Rabs (value x - value y).
Proof. unfold distance. now rewrite absolute_correct, subtract_correct. Qed.

Lemma value_zero : value zero = 0%R.
Proof. unfold value, zero. simpl. lra. Qed.
