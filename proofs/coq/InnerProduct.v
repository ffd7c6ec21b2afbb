(** Real inner products, positive forms and symmetric operators, with no basis and no eigenvalues.

        |<x, A x>| <= c |x|^2 for all x, A symmetric   implies   |A x| <= c |x|

    by polarisation. Relied on by NormSplit.v and Momentum.v. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import MeanValue.
Local Open Scope R_scope.

(** A symmetric bilinear form that is never negative. *)
Record positive_form {E : ModuleSpace R_Ring} (b : E -> E -> R) : Prop := {
  form_sym : forall x y, b x y = b y x;
  form_plus : forall x y z, b (plus x y) z = b x z + b y z;
  form_scal : forall k x y, b (scal k x) y = k * b x y;
  form_nonneg : forall x, 0 <= b x x;
}.

Record linear_map {E : ModuleSpace R_Ring} (A : E -> E) : Prop := {
  linear_plus : forall x y, A (plus x y) = plus (A x) (A y);
  linear_scal : forall k x, A (scal k x) = scal k (A x);
}.

Definition symmetric {E : ModuleSpace R_Ring} (inner : E -> E -> R) (A : E -> E) : Prop :=
  forall x y, inner (A x) y = inner x (A y).

Section Form.
Context {E : ModuleSpace R_Ring} (b : E -> E -> R) (Hb : positive_form b).

Lemma form_plus_r x y z : b x (plus y z) = b x y + b x z.
Proof. rewrite !(form_sym _ Hb x). apply (form_plus _ Hb). Qed.

Lemma form_scal_r k x y : b x (scal k y) = k * b x y.
Proof. rewrite !(form_sym _ Hb x). apply (form_scal _ Hb). Qed.

Lemma form_opp x y : b (opp x) y = - b x y.
Proof.
  rewrite <- scal_opp_one, (form_scal _ Hb). change (opp one) with (Ropp 1). lra.
Qed.

Lemma form_opp_r x y : b x (opp y) = - b x y.
Proof. rewrite !(form_sym _ Hb x). apply form_opp. Qed.

Lemma form_minus x y z : b (minus x y) z = b x z - b y z.
Proof. unfold minus. rewrite (form_plus _ Hb), form_opp. lra. Qed.

Lemma form_minus_r x y z : b x (minus y z) = b x y - b x z.
Proof. rewrite !(form_sym _ Hb x). apply form_minus. Qed.

Theorem cauchy_schwarz x y : b x y * b x y <= b x x * b y y.
Proof.
  assert (H : forall t, 0 <= b x x - 2 * t * b x y + t * t * b y y).
  { intros t. pose proof (form_nonneg _ Hb (minus x (scal t y))) as H.
    rewrite form_minus, !form_minus_r, !form_scal_r, !(form_scal _ Hb) in H.
    rewrite (form_sym _ Hb y x) in H. lra. }
  pose proof (form_nonneg _ Hb x) as Hx. pose proof (form_nonneg _ Hb y) as Hy.
  destruct (Req_dec (b y y) 0) as [H0|Hne].
  - destruct (Req_dec (b x y) 0) as [->|Hxy]; [nra|].
    specialize (H ((b x x + 1) / (2 * b x y))). rewrite H0 in H.
    replace (2 * ((b x x + 1) / (2 * b x y)) * b x y) with (b x x + 1) in H by (now field).
    lra.
  - specialize (H (b x y / b y y)).
    apply Rmult_le_compat_r with (r := b y y) in H; [|exact Hy].
    replace ((b x x - 2 * (b x y / b y y) * b x y + b x y / b y y * (b x y / b y y) * b y y) *
             b y y)
      with (b x x * b y y - b x y * b x y) in H by (now field).
    lra.
Qed.

(** |x|. *)
Definition length x := sqrt (b x x).

Lemma length_nonneg x : 0 <= length x.
Proof. apply sqrt_pos. Qed.

Lemma length_square x : length x * length x = b x x.
Proof. apply sqrt_sqrt, (form_nonneg _ Hb). Qed.

(** Squares are easier to compare. *)
Lemma length_le x c : 0 <= c -> b x x <= c * c -> length x <= c.
Proof.
  intros Hc H. unfold length. rewrite <- (sqrt_square c Hc). now apply sqrt_le_1_alt.
Qed.

Lemma form_le_lengths x y : b x y <= length x * length y.
Proof.
  apply Rnot_lt_le. intros Hlt.
  pose proof (cauchy_schwarz x y). pose proof (length_square x). pose proof (length_square y).
  pose proof (length_nonneg x). pose proof (length_nonneg y).
  assert (0 <= length x * length y) by nra.
  assert ((length x * length y) * (length x * length y) = b x x * b y y) by
    (rewrite <- length_square, <- length_square; ring).
  nra.
Qed.

Lemma length_is_seminorm : seminorm length.
Proof.
  split.
  - intros x y. pose proof (length_nonneg x). pose proof (length_nonneg y).
    apply length_le; [lra|].
    rewrite (form_plus _ Hb), !form_plus_r, (form_sym _ Hb y x).
    pose proof (form_le_lengths x y).
    pose proof (length_square x). pose proof (length_square y). nra.
  - intros k x. right. unfold length.
    rewrite (form_scal _ Hb), form_scal_r, <- Rmult_assoc, sqrt_mult_alt by nra.
    f_equal. apply sqrt_Rsqr_abs.
Qed.

(** Polarisation: the quadratic form of a symmetric operator gives its norm. *)
Theorem symmetric_norm (A : E -> E) (c : R) :
  linear_map A -> symmetric b A -> 0 <= c ->
  (forall x, Rabs (b x (A x)) <= c * b x x) -> forall x, length (A x) <= c * length x.
Proof.
  intros HA Hsym Hc Hq x.
  assert (Hpol : forall y, 2 * b y (A x) <= c * (b x x + b y y)).
  { intros y.
    pose proof (Hq (plus x y)) as Hp. pose proof (Hq (minus x y)) as Hm.
    apply Rabs_le_between in Hp. apply Rabs_le_between in Hm.
    assert (HAm : A (minus x y) = minus (A x) (A y)).
    { unfold minus. rewrite (linear_plus _ HA), <- scal_opp_one, (linear_scal _ HA), scal_opp_one.
      reflexivity. }
    rewrite (linear_plus _ HA), !(form_plus _ Hb), !form_plus_r in Hp.
    rewrite HAm, !form_minus, !form_minus_r in Hm.
    rewrite <- (Hsym x y), (form_sym _ Hb (A x) y), (form_sym _ Hb y x) in Hp, Hm. lra. }
  pose proof (length_nonneg x) as Hx. pose proof (length_nonneg (A x)) as HAx.
  pose proof (length_square x) as Sx. pose proof (length_square (A x)) as SAx.
  (* y = t A x for every t *)
  assert (H : forall t, 2 * t * b (A x) (A x) <= c * (b x x + t * t * b (A x) (A x))).
  { intros t. specialize (Hpol (scal t (A x))).
    rewrite !(form_scal _ Hb), form_scal_r in Hpol. lra. }
  rewrite <- Sx, <- SAx in H.
  destruct (Req_dec (length (A x)) 0) as [H0|Hne]; [rewrite H0; nra|].
  specialize (H (length x / length (A x))).
  replace (2 * (length x / length (A x)) * (length (A x) * length (A x)))
    with (2 * length x * length (A x)) in H by (now field).
  replace (length x / length (A x) * (length x / length (A x)) * (length (A x) * length (A x)))
    with (length x * length x) in H by (now field).
  destruct (Req_dec (length x) 0) as [Hz|Hnz].
  { (* |x| = 0: t as large as one likes *)
    exfalso. pose proof (Hpol (scal (/ (c + 1)) (A x))) as Hl.
    rewrite !(form_scal _ Hb), form_scal_r, <- Sx, <- SAx, Hz in Hl.
    set (s := length (A x) * length (A x)) in *. assert (Hs : 0 < s) by (unfold s; nra).
    assert (Hi : 0 < / (c + 1)) by (apply Rinv_0_lt_compat; lra).
    assert (Hu : c * / (c + 1) <= 1).
    { apply Rmult_le_reg_r with (c + 1); [lra|]. rewrite Rmult_assoc, Rinv_l by lra. lra. }
    set (i := / (c + 1)) in *.
    assert (c * (i * (i * s)) <= i * s).
    { replace (c * (i * (i * s))) with ((c * i) * (i * s)) by ring.
      assert (0 < i * s) by nra. nra. }
    assert (0 < i * s) by nra. lra. }
  nra.
Qed.

End Form.
