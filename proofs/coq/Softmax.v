(** Softmax and cross-entropy of logits that are known within r_k, with P = softmax(m), Q = 1 - P,
    r = max r_k, as proofs/inclusion.md states them:

        |l(o) - l(m)|     <= e^(2 r) (Q_y r_y + sum_(j <> y) P_j r_j),
        |p_k(o) - P_k|    <= e^(4 r) P_k (Q_k r_k + sum_(j <> k) P_j r_j),

    and the loss is Lipschitz with 2^(1/2) (lemma 5 of proofs/stepwise.md). All follows from
    e^x >= 1 + x: the loss moves by ln sum P_j e^(a_j), a_j = d_j - d_y, which lies between
    sum P_j a_j and sum P_j (e^(a_j) - 1).

    Relied on by `softmax_row` (include/numgeom/arithmetic/softmax.hpp) and `loss_deviation`
    (src/shadow/stepwise.cpp). *)

From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import Sums InnerProduct Euclidean.
Local Open Scope R_scope.

Lemma exp_above_line x : 1 + x <= exp x.
Proof. destruct (Req_dec x 0) as [->|H]; [rewrite exp_0; lra | left; now apply exp_ineq1]. Qed.

Lemma exp_below_tangent x : 0 <= x -> exp x - 1 <= x * exp x.
Proof.
  intros Hx. pose proof (exp_above_line (- x)) as H. pose proof (exp_pos x) as Hp.
  apply Rmult_le_compat_r with (r := exp x) in H; [|lra].
  rewrite <- exp_plus, Rplus_opp_l, exp_0 in H. lra.
Qed.

Lemma exp_increasing_weak x y : x <= y -> exp x <= exp y.
Proof. intros [H| ->]; [left; now apply exp_increasing | lra]. Qed.

Lemma exp_difference a b : Rabs (exp a - exp b) <= Rabs (a - b) * exp (Rmax a b).
Proof.
  assert (H : forall x y, x <= y -> exp y - exp x <= (y - x) * exp y).
  { intros x y Hxy. pose proof (exp_below_tangent (y - x)) as Ht.
    apply Rmult_le_compat_r with (r := exp x) in Ht; [|left; apply exp_pos | lra].
    rewrite Rmult_assoc, Rmult_minus_distr_r, <- exp_plus in Ht.
    replace (y - x + x) with y in Ht by ring. lra. }
  destruct (Rle_dec a b) as [Hab|Hab].
  - pose proof (exp_increasing_weak a b Hab). specialize (H a b Hab).
    rewrite Rmax_right by exact Hab. rewrite (Rabs_minus_sym a), Rabs_minus_sym.
    rewrite !Rabs_pos_eq by lra. exact H.
  - assert (Hba : b <= a) by lra. pose proof (exp_increasing_weak b a Hba). specialize (H b a Hba).
    rewrite Rmax_left by exact Hba. rewrite !Rabs_pos_eq by lra. exact H.
Qed.

Definition others (y : nat) (f : nat -> R) (j : nat) : R := if (j =? y)%nat then 0 else f j.

Lemma sum_others K y f : (y < K)%nat -> sum_below (others y f) K = sum_below f K - f y.
Proof.
  intros Hy. induction K as [|K IH]; [lia|]. simpl. unfold others at 2.
  destruct (Nat.eqb_spec K y) as [->|Hne].
  - rewrite (sum_below_ext (others y f) f); [lra|].
    intros k Hk. unfold others. destruct (Nat.eqb_spec k y); [lia | reflexivity].
  - rewrite IH by lia. lra.
Qed.

Section Softmax.
Variable K : nat.

Definition total (o : nat -> R) : R := sum_below (fun j => exp (o j)) K.
Definition probability (o : nat -> R) (k : nat) : R := exp (o k) / total o.

(** -ln p_y. *)
Definition cross_entropy (o : nat -> R) (y : nat) : R := ln (total o) - o y.

Lemma total_pos o : (0 < K)%nat -> 0 < total o.
Proof.
  unfold total. intros HK. destruct K as [|n]; [lia|]. simpl.
  apply Rplus_le_lt_0_compat; [|apply exp_pos].
  apply sum_below_nonneg. intros k _. left. apply exp_pos.
Qed.

Lemma probability_pos o k : (0 < K)%nat -> 0 < probability o k.
Proof. intros HK. apply Rdiv_lt_0_compat; [apply exp_pos | now apply total_pos]. Qed.

Lemma probabilities_sum o : (0 < K)%nat -> sum_below (probability o) K = 1.
Proof.
  intros HK. pose proof (total_pos o HK). unfold probability, Rdiv.
  rewrite sum_below_scal_r. fold (total o). field. lra.
Qed.

Lemma probability_of_loss o k : (0 < K)%nat -> probability o k = exp (- cross_entropy o k).
Proof.
  intros HK. pose proof (total_pos o HK). unfold probability, cross_entropy.
  replace (- (ln (total o) - o k)) with (o k + - ln (total o)) by ring.
  rewrite exp_plus, exp_Ropp, exp_ln by lra. reflexivity.
Qed.

(** The logarithm of a mean of exponentials. *)
Lemma log_mean_exp (P a : nat -> R) :
  (forall j, (j < K)%nat -> 0 <= P j) -> sum_below P K = 1 ->
  0 < sum_below (fun j => P j * exp (a j)) K ->
  sum_below (fun j => P j * a j) K <= ln (sum_below (fun j => P j * exp (a j)) K) <=
  sum_below (fun j => P j * (exp (a j) - 1)) K.
Proof.
  intros HP Hsum HS. set (S := sum_below (fun j => P j * exp (a j)) K) in *.
  assert (HSm : sum_below (fun j => P j * (exp (a j) - 1)) K = S - 1).
  { replace (S - 1) with (S - sum_below P K) by (now rewrite Hsum).
    unfold S. rewrite <- sum_below_minus. apply sum_below_ext. intros. ring. }
  split.
  - set (A := sum_below (fun j => P j * a j) K).
    assert (HA : 1 <= sum_below (fun j => P j * exp (a j - A)) K).
    { apply Rle_trans with (sum_below (fun j => P j * (1 + (a j - A))) K).
      - right. rewrite (sum_below_ext _ (fun j => P j + (P j * a j - P j * A))) by (intros; ring).
        rewrite sum_below_plus, sum_below_minus, sum_below_scal_r, Hsum. fold A. ring.
      - apply sum_below_le. intros j Hj. apply Rmult_le_compat_l;
          [now apply HP | apply exp_above_line]. }
    assert (HAS : sum_below (fun j => P j * exp (a j - A)) K = S * exp (- A)).
    { unfold S. rewrite <- sum_below_scal_r. apply sum_below_ext. intros j _.
      unfold Rminus. rewrite exp_plus. ring. }
    rewrite HAS in HA. pose proof (exp_pos (- A)) as Hp.
    apply Ropp_le_cancel. rewrite <- ln_exp with (x := - A), <- ln_Rinv by exact HS.
    assert (Hle : / S <= exp (- A)).
    { apply Rmult_le_reg_l with S; [exact HS|]. rewrite Rinv_r by lra. exact HA. }
    destruct Hle as [Hlt| ->]; [left; apply ln_increasing;
      [now apply Rinv_0_lt_compat | exact Hlt] | lra].
  - rewrite HSm. pose proof (exp_above_line (ln S)) as H. rewrite exp_ln in H by exact HS. lra.
Qed.

(** How the loss moves. *)
Lemma cross_entropy_change (m o : nat -> R) (y : nat) :
  (y < K)%nat ->
  let P := probability m in
  let a := fun j => (o j - m j) - (o y - m y) in
  sum_below (fun j => P j * a j) K <= cross_entropy o y - cross_entropy m y <=
  sum_below (fun j => P j * (exp (a j) - 1)) K.
Proof.
  intros Hy P a. assert (HK : (0 < K)%nat) by lia.
  pose proof (total_pos m HK) as Hm. pose proof (total_pos o HK) as Ho.
  assert (HS : sum_below (fun j => P j * exp (a j)) K = total o / total m * exp (- (o y - m y))).
  { unfold total at 1. unfold Rdiv. rewrite <- !sum_below_scal_r. apply sum_below_ext. intros j _.
    unfold P, a, probability, Rdiv.
    replace (exp (o j)) with (exp (m j) * exp (o j - m j)) by (rewrite <- exp_plus; f_equal; ring).
    unfold Rminus at 1. rewrite exp_plus. ring. }
  assert (Hq : 0 < total o / total m) by (now apply Rdiv_lt_0_compat).
  pose proof (exp_pos (- (o y - m y))) as He.
  replace (cross_entropy o y - cross_entropy m y)
    with (ln (sum_below (fun j => P j * exp (a j)) K)).
  - apply log_mean_exp.
    + intros j _. left. now apply probability_pos.
    + now apply probabilities_sum.
    + rewrite HS. now apply Rmult_lt_0_compat.
  - rewrite HS, ln_mult, ln_exp by assumption. unfold Rdiv.
    rewrite ln_mult, ln_Rinv by (try assumption; now apply Rinv_0_lt_compat).
    unfold cross_entropy. ring.
Qed.

(** Q_y r_y + sum_(j <> y) P_j r_j. *)
Definition spread (P r : nat -> R) (y : nat) : R :=
  (1 - P y) * r y + sum_below (others y (fun j => P j * r j)) K.

Section Widened.
Variables (m o r : nat -> R) (rmax : R).
Hypothesis close : forall j, (j < K)%nat -> Rabs (o j - m j) <= r j.
Hypothesis greatest : forall j, (j < K)%nat -> r j <= rmax.

Lemma spread_of_sums (c : nat -> R) (f : R) (y : nat) :
  (y < K)%nat -> c y = 0 -> (forall j, (j < K)%nat -> c j <= (r j + r y) * f) ->
  sum_below (fun j => probability m j * c j) K <= f * spread (probability m) r y.
Proof.
  intros Hy Hcy Hc. assert (HK : (0 < K)%nat) by lia. set (P := probability m).
  apply Rle_trans with
    (sum_below (fun j => f * (others y (fun j => P j * r j) j + others y P j * r y)) K).
  - apply sum_below_le. intros j Hj. unfold others.
    destruct (Nat.eqb_spec j y) as [->|Hne]; [rewrite Hcy; lra|].
    pose proof (probability_pos m j HK) as Hp. fold P in Hp. specialize (Hc j Hj).
    apply Rle_trans with (P j * ((r j + r y) * f)); [apply Rmult_le_compat_l; lra | right; ring].
  - right. rewrite sum_below_scal, sum_below_plus, sum_below_scal_r.
    rewrite (sum_others K y P Hy). unfold P at 2. rewrite (probabilities_sum m HK).
    unfold spread. fold P. ring.
Qed.

Theorem cross_entropy_widened (y : nat) :
  (y < K)%nat ->
  Rabs (cross_entropy o y - cross_entropy m y) <= exp (2 * rmax) * spread (probability m) r y.
Proof.
  intros Hy. set (a := fun j => o j - m j - (o y - m y)).
  assert (Hchange : sum_below (fun j => probability m j * a j) K <=
                    cross_entropy o y - cross_entropy m y <=
                    sum_below (fun j => probability m j * (exp (a j) - 1)) K)
    by (exact (cross_entropy_change m o y Hy)).
  destruct Hchange as [Hlow Hup].
  assert (Ha : forall j, (j < K)%nat -> Rabs (a j) <= r j + r y).
  { intros j Hj. unfold a. eapply Rle_trans; [apply Rabs_triang|].
    rewrite Rabs_Ropp. apply Rplus_le_compat; now apply close. }
  assert (Hr : forall j, (j < K)%nat -> 0 <= r j).
  { intros j Hj. eapply Rle_trans; [apply Rabs_pos | now apply close]. }
  assert (Hay : a y = 0) by (unfold a; ring). clearbody a.
  assert (He : 1 <= exp (2 * rmax)).
  { pose proof (Hr y Hy). pose proof (greatest y Hy). rewrite <- exp_0. apply exp_increasing_weak.
    lra. }
  apply Rabs_le. split.
  - apply Ropp_le_cancel. rewrite Ropp_involutive.
    apply Rle_trans with (sum_below (fun j => probability m j * - a j) K).
    + rewrite (sum_below_ext _ (fun j => -1 * (probability m j * a j))) by (intros; ring).
      rewrite sum_below_scal. lra.
    + apply spread_of_sums; [exact Hy | rewrite Hay; ring|].
      intros j Hj. specialize (Ha j Hj). pose proof (Hr j Hj). pose proof (Hr y Hy).
      apply Rle_trans with (r j + r y); [split_Rabs; lra|]. nra.
  - eapply Rle_trans; [exact Hup|].
    apply spread_of_sums; [exact Hy | rewrite Hay, exp_0; ring|].
    intros j Hj. specialize (Ha j Hj). pose proof (Hr j Hj). pose proof (Hr y Hy).
    pose proof (greatest j Hj). pose proof (greatest y Hy).
    assert (Hl : exp (a j) <= exp (r j + r y)) by (apply exp_increasing_weak; split_Rabs; lra).
    pose proof (exp_below_tangent (r j + r y)) as Ht.
    assert (Hg : exp (r j + r y) <= exp (2 * rmax)) by (apply exp_increasing_weak; lra). nra.
Qed.

(** Every exponential lies within e^(+-r) of that of the midpoint, so p_k <= P_k e^(2 r). *)
Theorem probability_growth (k : nat) :
  (k < K)%nat -> probability o k <= probability m k * exp (2 * rmax).
Proof.
  intros Hk. assert (HK : (0 < K)%nat) by lia.
  pose proof (total_pos m HK) as Hm. pose proof (total_pos o HK) as Ho.
  assert (Hnum : exp (o k) <= exp (m k) * exp rmax).
  { rewrite <- exp_plus. apply exp_increasing_weak.
    specialize (close k Hk). specialize (greatest k Hk). split_Rabs; lra. }
  assert (Hden : total m <= total o * exp rmax).
  { unfold total. rewrite <- sum_below_scal_r. apply sum_below_le. intros j Hj.
    rewrite <- exp_plus. apply exp_increasing_weak.
    specialize (close j Hj). specialize (greatest j Hj). split_Rabs; lra. }
  replace (2 * rmax) with (rmax + rmax) by ring. rewrite exp_plus. unfold probability.
  pose proof (exp_pos rmax). pose proof (exp_pos (o k)). pose proof (exp_pos (m k)).
  apply Rmult_le_reg_r with (total m * total o); [now apply Rmult_lt_0_compat|].
  replace (exp (o k) / total o * (total m * total o)) with (exp (o k) * total m) by (field; lra).
  replace (exp (m k) / total m * (exp rmax * exp rmax) * (total m * total o))
    with ((exp (m k) * exp rmax) * (total o * exp rmax)) by (field; lra).
  apply Rmult_le_compat; lra.
Qed.

Theorem probability_widened (k : nat) :
  (k < K)%nat ->
  Rabs (probability o k - probability m k) <=
  exp (4 * rmax) * (probability m k * spread (probability m) r k).
Proof.
  intros Hk. assert (HK : (0 < K)%nat) by lia.
  pose proof (cross_entropy_widened k Hk) as Hl. pose proof (probability_growth k Hk) as Hg.
  pose proof (probability_pos m k HK) as Hp.
  assert (Hr0 : 0 <= rmax).
  { eapply Rle_trans; [|now apply (greatest k)].
    eapply Rle_trans; [apply Rabs_pos | now apply close]. }
  assert (He : 1 <= exp (2 * rmax)) by (rewrite <- exp_0; apply exp_increasing_weak; lra).
  pose proof (exp_difference (- cross_entropy o k) (- cross_entropy m k)) as Hd.
  rewrite <- !probability_of_loss in Hd by exact HK.
  replace (- cross_entropy o k - - cross_entropy m k)
    with (- (cross_entropy o k - cross_entropy m k))
    in Hd by ring.
  rewrite Rabs_Ropp in Hd.
  assert (Hmax : exp (Rmax (- cross_entropy o k) (- cross_entropy m k)) <=
    probability m k * exp (2 * rmax)).
  { unfold Rmax. destruct Rle_dec; rewrite <- probability_of_loss by exact HK; [nra | exact Hg]. }
  eapply Rle_trans; [exact Hd|].
  replace (4 * rmax) with (2 * rmax + 2 * rmax) by ring. rewrite exp_plus.
  replace (exp (2 * rmax) * exp (2 * rmax) * (probability m k * spread (probability m) r k))
    with (exp (2 * rmax) * spread (probability m) r k * (probability m k * exp (2 * rmax))) by ring.
  apply Rmult_le_compat; [apply Rabs_pos | left; apply exp_pos | exact Hl | exact Hmax].
Qed.
End Widened.

(** p - y, the gradient of the loss by the logits. *)
Definition residual (o : nat -> R) (y : nat) : vectors :=
  fun j => probability o j - (if (j =? y)%nat then 1 else 0).

Lemma probability_at_most_one o k : (k < K)%nat -> probability o k <= 1.
Proof.
  intros Hk. assert (HK : (0 < K)%nat) by lia.
  rewrite <- (probabilities_sum o HK).
  pose proof (sum_others K k (probability o) Hk) as H.
  enough (0 <= sum_below (others k (probability o)) K) by lra.
  apply sum_below_nonneg. intros j _. unfold others.
  destruct (j =? k)%nat; [lra | left; now apply probability_pos].
Qed.

Lemma residual_form (o : nat -> R) (y : nat) (d : vectors) :
  (y < K)%nat ->
  euclidean K (residual o y) d = sum_below (fun j => probability o j * (d j - d y)) K.
Proof.
  intros Hy. assert (HK : (0 < K)%nat) by lia. unfold euclidean, residual.
  pose proof (sum_others K y d Hy) as Hd.
  rewrite (sum_below_ext _ (fun j => probability o j * d j - (d j - others y d j))).
  - rewrite !sum_below_minus, Hd.
    rewrite (sum_below_ext (fun j => probability o j * (d j - d y))
               (fun j => probability o j * d j - probability o j * d y)) by (intros; ring).
    rewrite sum_below_minus, sum_below_scal_r, (probabilities_sum o HK). ring.
  - intros j _. unfold others. destruct (j =? y)%nat; ring.
Qed.

Lemma residual_norm (o : nat -> R) (y : nat) :
  (y < K)%nat -> euclidean K (residual o y) (residual o y) <= 2.
Proof.
  intros Hy. assert (HK : (0 < K)%nat) by lia. rewrite residual_form by exact Hy.
  apply Rle_trans with (sum_below (fun j => 2 * probability o j) K).
  - apply sum_below_le. intros j Hj.
    pose proof (probability_pos o j HK). pose proof (probability_pos o y HK).
    pose proof (probability_at_most_one o j Hj). pose proof (probability_at_most_one o y Hy).
    unfold residual. rewrite Nat.eqb_refl. destruct (j =? y)%nat; nra.
  - rewrite sum_below_scal, (probabilities_sum o HK). lra.
Qed.

Lemma cross_entropy_above_tangent (m o : nat -> R) (y : nat) :
  (y < K)%nat ->
  euclidean K (residual m y) (fun j => o j - m j) <= cross_entropy o y - cross_entropy m y.
Proof.
  intros Hy. rewrite residual_form by exact Hy. apply (cross_entropy_change m o y Hy).
Qed.

(** Logits that move by e move the loss by at most 2^(1/2) e. *)
Theorem cross_entropy_lipschitz (m o : nat -> R) (y : nat) (e : R) :
  (y < K)%nat -> length (euclidean K) (fun j => o j - m j) <= e ->
  Rabs (cross_entropy o y - cross_entropy m y) <= sqrt 2 * e.
Proof.
  intros Hy He.
  assert (Hone : forall u v : nat -> R,
    length (euclidean K) (fun j => v j - u j) <= e ->
    cross_entropy u y - cross_entropy v y <= sqrt 2 * e).
  { intros u v Hd. pose proof (cross_entropy_above_tangent u v y Hy) as Ht.
    pose proof (form_le_lengths (euclidean K) (euclidean_positive K)
                  (opp (residual u y)) (fun j => v j - u j)) as Hc.
    rewrite (form_opp _ (euclidean_positive K)) in Hc.
    assert (Hr : length (euclidean K) (opp (residual u y)) <= sqrt 2).
    { unfold length. apply sqrt_le_1_alt.
      rewrite (form_opp _ (euclidean_positive K)), (form_opp_r _ (euclidean_positive K)),
        Ropp_involutive.
      now apply residual_norm. }
    pose proof (length_nonneg (euclidean K) (opp (residual u y))).
    pose proof (length_nonneg (euclidean K) (fun j => v j - u j)).
    assert (length (euclidean K) (opp (residual u y)) * length (euclidean K) (fun j => v j - u j)
      <= sqrt 2 * e)
      by (apply Rmult_le_compat; assumption).
    lra. }
  assert (Hback : length (euclidean K) (fun j => m j - o j) <= e).
  { replace (length (euclidean K) (fun j => m j - o j))
      with (length (euclidean K) (fun j => o j - m j));
      [exact He|].
    unfold length, euclidean. f_equal. apply sum_below_ext. intros. ring. }
  apply Rabs_le. split.
  - pose proof (Hone m o He). lra.
  - pose proof (Hone o m Hback). lra.
Qed.

End Softmax.
